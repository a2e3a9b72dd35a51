package service

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	gatewayv1beta1 "sigs.k8s.io/gateway-api/apis/v1beta1"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/provider/gateway"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/target"
	"github.com/modelplane/pulumi-modelplane/provider/service/route"
)

// plan is all that is decided about a service.
type plan struct {
	gateway  gateway.Reference
	route    gatewayv1.HTTPRouteSpec
	grants   []grant
	policies Policies
	// fronted is nil where Traefik itself shares requests among the backends.
	fronted *fronted
	Site
	shares []Share
	// prices are those of endpoints; nil where no tokens are counted.
	prices map[string]plugin.Price
	// reference is the service as a catalog takes it.
	reference Reference
	// warnings say what is unwise.
	warnings []string
}

// grant lets the service's route use the Services of one other namespace.
type grant struct {
	namespace string
	spec      gatewayv1beta1.ReferenceGrantSpec
}

// check finds every fault of a service's arguments.
func check(name string, a Args) fault.List {
	identity := a.Or(name, meta.DefaultNamespace)
	_, faults := decide(identity, a.Routing, a.Choice, a.Policy)
	faults.AddErr("name", names.Object(identity.Name, names.MaxLabel))
	faults.AddErr("namespace", names.Namespace(identity.Namespace))
	return append(faults, names.Metadata(a.Labels, a.Annotations)...)
}

func decide(identity meta.Identity, r Routing, c Choice, restrictions Policy) (plan, fault.List) {
	var faults fault.List
	path := DecidePath(identity, r, &faults)
	site := DecideSite(r, path, &faults)
	rules := decideRules(identity, r, &faults)
	policies := restrictions.Decide(identity, r.Gateway, &faults)
	if r.Gateway.Observed {
		needPlugin("gateway.observed", "needs", r.Gateway, &faults)
		policies = slices.Insert(policies, 0, policy{key: countKey})
	}
	choice := decideChoice(c, restrictions.Auth != nil, &faults)
	if !isFronted(c, r) {
		// Behind a catalog the plugin asks one backend for each request, too.
		choice = plugin.Front{Attempts: 1}
	}
	mirror := decideMirror(identity, r, c.Mirror, &faults)
	if isFronted(c, r) {
		checkFront(c, r, &faults)
	}
	if len(faults) > 0 {
		return plan{}, faults
	}
	backends := rules[len(rules)-1].backends
	for _, r := range rules {
		faults.AddErr(r.path, splitByPriority(r.backends))
	}
	if len(faults) > 0 {
		return plan{}, faults
	}
	decided := plan{gateway: r.Gateway, Site: site, grants: grants(identity, append(entries(rules), mirror...)), policies: policies}
	decided.shares = shares(backends)
	if r.Gateway.Tokens {
		decided.prices = prices(entries(rules))
	}
	decided.reference = reference(identity, rules, mirror, choice, policies, decided)
	decided.warnings = Warnings(r, restrictions, slices.ContainsFunc(append(entries(rules), mirror...), entry.isKeyed))
	public := site.Route(identity, r.Gateway, restrictions, policies)
	if isFronted(c, r) {
		decided.fronted = decideFronted(choice, r.Gateway, public, rules, mirror)
		public.Rules = decided.fronted.publicRules(identity)
	} else {
		public.Rules = plainRules(rules)
	}
	decided.route = route.Build(public)
	return decided, nil
}

// prices are what tokens cost at each endpoint that has a price.
func prices(backends []entry) map[string]plugin.Price {
	all := map[string]plugin.Price{}
	for _, e := range backends {
		for _, reference := range e.endpoints {
			if p := reference.Price; p != nil {
				all[reference.Name] = plugin.Price{Input: p.Input, Output: p.Output, CachedInput: p.CachedInput}
			}
		}
	}
	return all
}

// DecidePath is the path of a service or catalog; empty is the root.
func DecidePath(identity meta.Identity, r Routing, faults *fault.List) string {
	if r.Path == nil {
		return fmt.Sprintf("/%s/%s/v1", identity.Namespace, identity.Name)
	}
	path, err := target.ParsePath(*r.Path)
	faults.AddErr("path", err)
	if own := "/" + identity.Namespace + "/"; err == nil && !r.Gateway.AllowAnyPath && !strings.HasPrefix(path, own) {
		faults.Add("path", fmt.Sprintf("is outside of %[1]s, where services of other namespaces may be; begin it with %[1]s, or have the "+
			"gateway allow it with allowAnyPath", own), "namespace", "gateway")
	}
	return path
}

// Warnings say what is unwise: that strangers can spend the money of a key's owner, and that long limits are forgotten.
func Warnings(r Routing, p Policy, keyed bool) []string {
	var all []string
	if !r.AllowAnonymous && p.Auth == nil && len(p.AllowFrom) == 0 && r.Gateway.Public && keyed {
		all = append(all, anonymousWarning)
	}
	if p.Limits != nil && !r.Gateway.SharedLimits && slices.ContainsFunc(p.Limits.Tokens, func(l TokenLimit) bool { return l.Seconds > hour }) {
		all = append(all, forgetfulWarning)
	}
	return all
}

const (
	anonymousWarning = "The internet can reach this gateway, which asks nobody for a key, and keys are sent to the model servers: anyone can " +
		"use them at their owner's expense. Ask callers for keys (auth), limit their addresses (allowFrom, or the gateway's " +
		"service.loadBalancerSourceRanges), or set allowAnonymous: true if this is meant."
	forgetfulWarning = "limits.tokens counts for longer than an hour, but each replica of the gateway counts for itself, and forgets what it has counted when it ends. Give the " +
		"gateway sharedLimits to have all of them count together in a Redis server."
)

// grants names, for each other namespace, the Services in it that the route uses.
func grants(identity meta.Identity, backends []entry) []grant {
	services := map[string][]string{}
	for _, e := range backends {
		for _, reference := range e.endpoints {
			if reference.Namespace != identity.Namespace {
				services[reference.Namespace] = append(services[reference.Namespace], reference.ServiceName)
			}
		}
	}
	var grants []grant
	for namespace, names := range services {
		slices.Sort(names)
		spec := gatewayv1beta1.ReferenceGrantSpec{From: []gatewayv1beta1.ReferenceGrantFrom{{
			Group: gatewayv1.GroupName, Kind: "HTTPRoute", Namespace: gatewayv1.Namespace(identity.Namespace),
		}}}
		for _, name := range slices.Compact(names) {
			to := gatewayv1.ObjectName(name)
			spec.To = append(spec.To, gatewayv1beta1.ReferenceGrantTo{Kind: "Service", Name: &to})
		}
		grants = append(grants, grant{namespace: namespace, spec: spec})
	}
	slices.SortFunc(grants, func(x, y grant) int { return cmp.Compare(x.namespace, y.namespace) })
	return grants
}
