package service

import (
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-go-provider/infer"
	"golang.org/x/net/http/httpguts"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/service/route"
)

// Rule is other backends for some requests.
type Rule struct {
	Headers  map[string]string `pulumi:"headers"`
	Backends []Backend         `pulumi:"backends"`
}

// Annotate describes the type for the schema.
func (r *Rule) Annotate(at infer.Annotator) {
	at.SetToken("index", "ServiceRule")
	at.Describe(r, "Other backends for requests with certain headers, such as those of a team that tries a new model. Where several rules take a request, "+
		"the one with the most headers does, and among these the first.")
	at.Describe(&r.Headers, "The headers that a request must have, all of them, with exactly these values: 1 to 16. Upper and lower case make no difference in names, "+
		"but do in values. Clients choose their headers, so a rule is no protection.")
	at.Describe(&r.Backends, "Who answers such requests, and in which shares: as a service's `backends`.")
}

// rule is one of a service, or, without headers, the backends for all other requests.
type rule struct {
	// path is where the program has the backends.
	path     string
	headers  map[string]string
	backends []entry
}

// entries are the backends of all rules.
func entries(rules []rule) []entry {
	var all []entry
	for _, r := range rules {
		all = append(all, r.backends...)
	}
	return all
}

// plainRules are those of a route that itself shares requests among the backends.
func plainRules(rules []rule) []route.Rule {
	plain := make([]route.Rule, len(rules))
	for i, r := range rules {
		plain[i].Headers = r.headers
		for _, e := range r.backends {
			plain[i].Backends = append(plain[i].Backends, e.weighted()...)
		}
	}
	return plain
}

// decideRules reads all rules. The last one takes what the others leave.
func decideRules(identity meta.Identity, r Routing, faults *fault.List) []rule {
	// The last rule of the route is the service's own.
	if most := route.MaxRules - 1; len(r.Rules) > most {
		faults.Addf("rules", "has %d rules; a service takes %d", len(r.Rules), most)
	}
	var rules []rule
	for path, backends := range r.lists {
		rules = append(rules, rule{path: path, backends: decideBackends(path, backends, identity, r, faults)})
	}
	for i, given := range r.Rules {
		path := fault.Index("rules", i) + ".headers"
		checkMatches(path, given.Headers, faults)
		same := slices.IndexFunc(r.Rules[:i], func(before Rule) bool { return maps.Equal(lower(before.Headers), lower(given.Headers)) })
		if same >= 0 && len(given.Headers) > 0 {
			first := fault.Index("rules", same)
			faults.Add(path, "are those of "+first+", which takes these requests; put the backends of both into one", first+".headers")
		}
		rules[i].headers = given.Headers
	}
	return rules
}

func checkMatches(path string, headers map[string]string, faults *fault.List) {
	switch {
	case len(headers) == 0:
		faults.Addf(path, "is empty; write the headers that a request must have")
	case len(headers) > route.MaxMatches:
		faults.Addf(path, "has %d headers; a rule takes %d", len(headers), route.MaxMatches)
	}
	names := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		at, value := fault.Key(path, name), headers[name]
		switch {
		case !httpguts.ValidHeaderFieldName(name) || len(name) > route.MaxHeaderName:
			faults.Addf(at, "is not the name of a header; write up to %d letters, digits and hyphens, such as X-Team", route.MaxHeaderName)
		case strings.EqualFold(name, "Host"):
			faults.Addf(at, "cannot tell requests apart; make a service with other hostnames")
		case strings.HasPrefix(strings.ToLower(name), strings.ToLower(plugin.HeaderPrefix)):
			faults.Addf(at, "is the gateway's own header, which clients cannot send; choose another one")
		case names[strings.ToLower(name)]:
			faults.Addf(at, "is there already in other letters; write each header once")
		}
		names[strings.ToLower(name)] = true
		// Spaces at the ends are not part of a value (RFC 9110, section 5.5): it would never be the same.
		if value == "" || len(value) > route.MaxMatchValue || !httpguts.ValidHeaderFieldValue(value) || strings.Trim(value, " \t") != value {
			faults.Addf(at, "is not a header's value; write 1 to %d characters without line breaks, and without spaces at the ends", route.MaxMatchValue)
		}
	}
}

func lower(headers map[string]string) map[string]string {
	lowered := make(map[string]string, len(headers))
	for name, value := range headers {
		lowered[strings.ToLower(name)] = value
	}
	return lowered
}

// lists are the lists of backends by their paths: those of all rules, and the service's own.
func (r Routing) lists(yield func(string, []Backend) bool) {
	for i, rule := range r.Rules {
		if !yield(fault.Index("rules", i)+".backends", rule.Backends) {
			return
		}
	}
	yield("backends", r.Backends)
}

func (r Routing) hasPriorities() bool {
	for _, backends := range r.lists {
		if slices.ContainsFunc(backends, func(b Backend) bool { return b.Priority != 0 }) {
			return true
		}
	}
	return false
}
