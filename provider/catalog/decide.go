package catalog

import (
	"encoding/json"
	"slices"
	"strings"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/provider/endpoint"
	"github.com/modelplane/pulumi-modelplane/provider/gateway"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/service"
	"github.com/modelplane/pulumi-modelplane/provider/service/route"
)

const (
	// defaultPath is the path of every OpenAI-compatible base URL.
	defaultPath  = "/v1"
	maxModels    = 100
	maxAliases   = 16
	maxFallbacks = 5
	// maxMiddleware is how large the Middleware may be, in bytes. The API server takes 1.5 MiB, and Traefik compares all of it at every event.
	maxMiddleware = 1 << 20
)

// plan is all that is decided about a catalog.
type plan struct {
	service.Site
	gateway  gateway.Reference
	policies service.Policies
	route    gatewayv1.HTTPRouteSpec
	models   []listed
	// warnings say what is unwise.
	warnings []string
}

// listed is a model with its service.
type listed struct {
	Model
	behind service.Behind
}

// check finds every fault of a catalog's arguments.
func check(name string, a Args) fault.List {
	identity := a.Or(name, meta.DefaultNamespace)
	_, faults := decide(identity, a.Listing, a.Policy)
	faults.AddErr("name", names.Object(identity.Name, names.MaxLabel))
	faults.AddErr("namespace", names.Namespace(identity.Namespace))
	return append(faults, names.Metadata(a.Labels, a.Annotations)...)
}

func decide(identity meta.Identity, l Listing, p service.Policy) (plan, fault.List) {
	var faults fault.List
	in := service.Routing{Gateway: l.Gateway, Hostnames: l.Hostnames, Path: l.Path, AllowAnonymous: l.AllowAnonymous}
	path := defaultPath
	if l.Path != nil && *l.Path != defaultPath {
		path = service.DecidePath(identity, in, &faults)
	}
	decided := plan{gateway: l.Gateway, Site: service.DecideSite(in, path, &faults)}
	service.CheckInner("catalogs need", l.Gateway, &faults)
	decided.policies = p.Decide(identity, l.Gateway, &faults)
	public := decided.Route(identity, l.Gateway, p, decided.policies)
	public.Cataloged = true
	if p.Auth != nil && p.Auth.Callers != nil {
		public.Middlewares = append([]string{middlewareName(identity, byModelKey)}, public.Middlewares...)
	}
	asked := decided.policies.Auth()
	checkNames(l.Models, &faults)
	checkFallbacks(l, &faults)
	keyed, open := false, false
	for i, m := range l.Models {
		at := fault.Index("models", i) + ".service"
		behind := m.Service.Behind(at, identity, in, public, &faults)
		if auth := m.Service.Auth; auth != nil && *auth != asked {
			faults.Add(at, "asks its callers who they are otherwise than the catalog, whose URL would pass that by; write the same auth into both, or take it off the service", "auth")
		}
		open = open || m.Service.Auth == nil
		keyed = keyed || behind.IsKeyed()
		decided.models = append(decided.models, listed{m, behind})
	}
	if len(faults) > 0 {
		return plan{}, faults
	}
	if text, err := json.Marshal(decided.middleware("")); err != nil || len(text) > maxMiddleware {
		faults.Addf("models", "take %d bytes with all that their services ask of requests, and the one Middleware of a catalog holds %d; split them over two "+
			"catalogs", len(text), maxMiddleware)
		return plan{}, faults
	}
	decided.warnings = service.Warnings(in, p, keyed)
	if open && asked != "" {
		decided.warnings = append(decided.warnings, "Services of this catalog ask nobody who they are at their own URLs, where the catalog's auth does not hold: whoever can reach the gateway can use "+
			"them without a key. Write the same auth into each of them.")
	}
	public.Rules = []route.Rule{{Middlewares: []string{middlewareName(identity, modelsKey)}}}
	decided.route = route.Build(public)
	return decided, nil
}

// names are those of all models, without their aliases.
func (l Listing) names() []string {
	all := make([]string, len(l.Models))
	for i, m := range l.Models {
		all[i] = m.Name
	}
	return all
}

// checkNames finds names that no client or server takes, and those that two models have.
func checkNames(models []Model, faults *fault.List) {
	if len(models) == 0 {
		faults.Addf("models", "is empty; write at least one model with its service")
	}
	if len(models) > maxModels {
		faults.Addf("models", "has %d models; a catalog takes %d", len(models), maxModels)
	}
	known := map[string]string{}
	for i, m := range models {
		path := fault.Index("models", i)
		if len(m.Aliases) > maxAliases {
			faults.Addf(path+".aliases", "has %d names; a model takes %d", len(m.Aliases), maxAliases)
		}
		checkName(path+".name", m.Name, known, faults)
		if strings.HasSuffix(m.Name, "*") && len(m.Aliases) > 0 {
			faults.Add(path+".aliases", "are other names for a wildcard, which servers cannot be sent in their place; make each a model of its own", path+".name")
		}
		for j, alias := range m.Aliases {
			checkName(fault.Index(path+".aliases", j), alias, known, faults)
		}
	}
}

// checkFallbacks finds fallbacks that are no models, or no others.
func checkFallbacks(l Listing, faults *fault.List) {
	known := l.names()
	for i, m := range l.Models {
		for _, of := range []struct {
			path  string
			names []string
		}{{"fallbacks", m.Fallbacks}, {"contextFallbacks", m.ContextFallbacks}} {
			path := fault.Index("models", i) + "." + of.path
			if len(of.names) > maxFallbacks {
				faults.Addf(path, "has %d names; a model takes %d", len(of.names), maxFallbacks)
			}
			for j, name := range of.names {
				at := fault.Index(path, j)
				switch {
				case strings.HasSuffix(name, "*") || !slices.Contains(known, name):
					faults.Add(at, "is not the name of a model of this catalog; write one that is, whole and no alias", "models")
				case name == m.Name:
					faults.Addf(at, "is the model itself; name another one")
				case slices.Index(of.names, name) < j:
					faults.Addf(at, "is there already; write it once")
				}
			}
		}
	}
}

func checkName(path, name string, known map[string]string, faults *fault.List) {
	faults.AddErr(path, endpoint.CheckPattern(name))
	if first, has := known[name]; has {
		faults.Add(path, "is "+first+" already; a name leads to one service", first)
		return
	}
	known[name] = path
}

// middleware has the plugin choose a service by the model. ID is the part of the inner routes' paths that nobody can guess.
func (p plan) middleware(id string) map[string]any {
	config := plugin.Catalog{Prefix: p.Path}
	for _, m := range p.models {
		made := m.behind.Model(append([]string{m.Name}, m.Aliases...), id)
		made.Fallbacks, made.ContextFallbacks = m.Fallbacks, m.ContextFallbacks
		config.Models = append(config.Models, made)
	}
	return map[string]any{"plugin": map[string]any{plugin.Name: plugin.Config{Catalog: &config}}}
}
