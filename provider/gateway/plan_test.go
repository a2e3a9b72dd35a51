package gateway

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/internal/chart"
	"github.com/modelplane/pulumi-modelplane/provider/internal/helm"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
)

// defaults are arguments as the schema fills them in.
func defaults() Args {
	return Args{
		Install: Install{InstallCRDs: true}, Serving: Serving{Replicas: 2, Port: 80},
		Operating: Operating{DrainSeconds: 600, TopologySpread: true},
	}
}

// TestTheURLIsOneThatClientsTake would catch an IPv6 address without brackets, a port that is lost, and one that only clutters.
func TestTheURLIsOneThatClientsTake(t *testing.T) {
	for _, c := range []struct {
		address string
		port    int
		url     string
	}{
		{"203.0.113.7", 80, "http://203.0.113.7"},
		{"203.0.113.7", 8080, "http://203.0.113.7:8080"},
		{"203.0.113.7", 443, "http://203.0.113.7:443"},
		{"2001:db8::7", 80, "http://[2001:db8::7]"},
		{"2001:db8::7", 8080, "http://[2001:db8::7]:8080"},
		{"lb.cloud.example", 80, "http://lb.cloud.example"},
		{"lb.cloud.example", 65535, "http://lb.cloud.example:65535"},
	} {
		a := defaults()
		a.Port = c.port
		p, faults := decide(a.OrOwn("gw"), a.Metadata, a.Serving)
		require.Empty(t, faults)
		assert.Equal(t, c.url, p.url(c.address))
	}
}

// TestTheChartComesFromWhereItsNameSays would catch a repository given to Helm beside a chart that needs none, so that
// Helm does not find the chart, and a default that another setting takes away.
func TestTheChartComesFromWhereItsNameSays(t *testing.T) {
	for name, c := range map[string]struct {
		chart *Chart
		want  helm.Chart
		opts  map[string]string
	}{
		"published": {
			nil,
			helm.Chart{Name: "traefik", Version: chart.DefaultVersion, Repository: "https://traefik.github.io/charts"},
			map[string]string{"repo": "https://traefik.github.io/charts"},
		},
		"published, with values alone": {
			&Chart{Name: "traefik", Values: map[string]any{"logs": map[string]any{}}},
			helm.Chart{Name: "traefik", Version: chart.DefaultVersion, Repository: "https://traefik.github.io/charts"},
			map[string]string{"repo": "https://traefik.github.io/charts"},
		},
		"another version": {
			&Chart{Name: "traefik", Version: ptr.To("41.4.0")},
			helm.Chart{Name: "traefik", Version: "41.4.0", Repository: "https://traefik.github.io/charts"},
			map[string]string{"repo": "https://traefik.github.io/charts"},
		},
		"mirror": {
			&Chart{Name: "edge/traefik", Repository: ptr.To("https://charts.example.com")},
			helm.Chart{Name: "edge/traefik", Version: chart.DefaultVersion, Repository: "https://charts.example.com"},
			map[string]string{"repo": "https://charts.example.com"},
		},
		"OCI":           {&Chart{Name: "oci://ghcr.io/traefik/helm/traefik"}, helm.Chart{Name: "oci://ghcr.io/traefik/helm/traefik", Version: chart.DefaultVersion, Repository: ""}, nil},
		"relative path": {&Chart{Name: "./charts/traefik"}, helm.Chart{Name: "./charts/traefik", Version: chart.DefaultVersion, Repository: ""}, nil},
		"path above":    {&Chart{Name: "../traefik-41.3.0.tgz"}, helm.Chart{Name: "../traefik-41.3.0.tgz", Version: chart.DefaultVersion, Repository: ""}, nil},
		"absolute path": {&Chart{Name: "/charts/traefik"}, helm.Chart{Name: "/charts/traefik", Version: chart.DefaultVersion, Repository: ""}, nil},
	} {
		a := defaults()
		a.Chart = c.chart
		assert.Equal(t, c.want, a.chart(), name)
		assert.Equal(t, c.opts, a.chart().RepositoryOpts(), name)
	}
}

// TestTheAddressIsTheOutermost would catch a ClusterIP in the place of a load balancer's address, a host name that is
// passed over, and the address of a Service that has none.
func TestTheAddressIsTheOutermost(t *testing.T) {
	balanced := func(points ...any) map[string]any {
		return map[string]any{"loadBalancer": map[string]any{"ingress": points}}
	}
	point := func(field, value string) map[string]any { return map[string]any{field: value} }
	inside := map[string]any{"clusterIP": "10.96.0.10"}
	for _, c := range []struct {
		spec, status map[string]any
		address      string
	}{
		{inside, balanced(point("ip", "203.0.113.7")), "203.0.113.7"},
		{inside, balanced(point("hostname", "lb.cloud.example")), "lb.cloud.example"},
		{inside, balanced(map[string]any{"ip": "2001:db8::7", "hostname": "lb.cloud.example"}), "2001:db8::7"},
		{inside, balanced(map[string]any{}, point("hostname", "lb.cloud.example"), point("ip", "203.0.113.7")), "lb.cloud.example"},
		{inside, balanced(), "10.96.0.10"},
		{inside, map[string]any{"loadBalancer": map[string]any{}}, "10.96.0.10"},
		{inside, nil, "10.96.0.10"},
	} {
		found, err := address(c.spec, c.status)
		require.NoError(t, err)
		assert.Equal(t, c.address, found)
	}
	for _, spec := range []map[string]any{nil, {}, {"clusterIP": ""}, {"clusterIP": "None"}} {
		found, err := address(spec, nil)
		require.Error(t, err, found)
	}
}

// TestANameIsAsLongAsItsNamespaceLetsItBe would catch a name refused that fits, or let through to an API server that takes
// no namespace made of it.
func TestANameIsAsLongAsItsNamespaceLetsItBe(t *testing.T) {
	for _, c := range []struct {
		length    int
		namespace string
		fits      bool
	}{{52, "", true}, {53, "", false}, {53, "gateways", true}, {54, "gateways", false}} {
		a := defaults()
		a.Namespace = c.namespace
		faults := check(strings.Repeat("a", c.length), a)
		assert.Equal(t, c.fits, len(faults) == 0, "%d in %q: %v", c.length, c.namespace, faults)
	}
}

// TestOnlyTheDefaultNamespaceIsDeleted would catch a namespace with other people's objects in it that goes with the gateway.
func TestOnlyTheDefaultNamespaceIsDeleted(t *testing.T) {
	for _, c := range []struct {
		isNamed bool
		create  *bool
		want    ownership
	}{
		{false, nil, own},
		{false, ptr.To(true), own},
		{false, ptr.To(false), existing},
		{true, nil, existing},
		{true, ptr.To(false), existing},
		{true, ptr.To(true), kept},
	} {
		assert.Equal(t, c.want, namespaceOwnership(c.isNamed, c.create), "%+v", c)
	}
}

// TestNoTwoGatewaysShareAClass would catch names that run into one another: a GatewayClass belongs to the cluster, and a
// second gateway would take over the first one's.
func TestNoTwoGatewaysShareAClass(t *testing.T) {
	gateways := map[string]string{}
	for _, i := range []meta.Identity{
		{Name: "gw"},
		{Name: "edge"},
		{Name: "gw", Namespace: "edge"},
		{Name: "edge", Namespace: "gw"},
		{Name: "a-b", Namespace: "team"},
		{Name: "b", Namespace: "team-a"},
	} {
		class := plan{identity: i.OrOwn("unused")}.className()
		require.NotContains(t, gateways, class, "%+v and %s", i, gateways[class])
		gateways[class] = i.Namespace + " " + i.Name
	}
}

// TestAGatewayIsPublicWhereTheInternetReachesIt would catch a gateway that strangers can use taken for internal, and a warning
// about one that only a private network reaches.
func TestAGatewayIsPublicWhereTheInternetReachesIt(t *testing.T) {
	annotated := func(key, value string) *Service { return &Service{Annotations: map[string]string{key: value}} }
	for name, c := range map[string]struct {
		service *Service
		address string
		public  bool
	}{
		"address":                        {nil, "203.0.113.7", true},
		"IPv6 address":                   {nil, "2600::7", true},
		"name":                           {nil, "lb.cloud.example", true},
		"private address":                {nil, "10.0.0.7", false},
		"private IPv6 address":           {nil, "fd00::7", false},
		"provider's own network":         {nil, "100.64.0.7", false},
		"the machine's own address":      {nil, "127.0.0.1", false},
		"the machine's own name":         {nil, "localhost", false},
		"ClusterIP":                      {&Service{Type: ptr.To(ClusterIP)}, "203.0.113.7", false},
		"internal by AWS":                {annotated("service.beta.kubernetes.io/aws-load-balancer-scheme", "internal"), "lb.cloud.example", false},
		"internet-facing by AWS":         {annotated("service.beta.kubernetes.io/aws-load-balancer-scheme", "internet-facing"), "lb.cloud.example", true},
		"internal by Google":             {annotated("networking.gke.io/load-balancer-type", "Internal"), "203.0.113.7", false},
		"known ranges":                   {&Service{LoadBalancerSourceRanges: []string{"198.51.100.0/24"}}, "203.0.113.7", false},
		"known ranges and every address": {&Service{LoadBalancerSourceRanges: []string{"198.51.100.0/24", "0.0.0.0/0"}}, "203.0.113.7", true},
	} {
		a := defaults()
		a.Service = c.service
		p, faults := decide(a.OrOwn("gw"), a.Metadata, a.Serving)
		require.Empty(t, faults, name)
		assert.Equal(t, c.public, p.isPublic(c.address), name)
	}
}

// TestWhoMayAttachIsWhatTheGatewayAPISays would catch namespaces that are let in unasked, or that a selector leaves out.
func TestWhoMayAttachIsWhatTheGatewayAPISays(t *testing.T) {
	selector := map[string]string{"team": "models"}
	for _, c := range []struct {
		allowed *meta.AllowedNamespaces
		from    string
		labels  map[string]string
		fault   string
	}{
		{nil, "All", nil, ""},
		{&meta.AllowedNamespaces{}, "All", nil, ""},
		{&meta.AllowedNamespaces{From: ptr.To(meta.FromSame)}, "Same", nil, ""},
		{&meta.AllowedNamespaces{MatchLabels: selector}, "Selector", selector, ""},
		{&meta.AllowedNamespaces{From: ptr.To(meta.FromSelector), MatchLabels: selector}, "Selector", selector, ""},
		{&meta.AllowedNamespaces{From: ptr.To(meta.FromSelector)}, "", nil, "is required"},
		{&meta.AllowedNamespaces{From: ptr.To(meta.FromAll), MatchLabels: selector}, "", nil, "leave one of them out"},
		{&meta.AllowedNamespaces{MatchLabels: map[string]string{"a b": ""}}, "", nil, "name part"},
	} {
		a := defaults()
		a.AllowedNamespaces = c.allowed
		p, faults := decide(a.OrOwn("gw"), a.Metadata, a.Serving)
		if c.fault != "" {
			require.Error(t, faults.Err())
			assert.Contains(t, faults.Err().Error(), c.fault)
			continue
		}
		require.Empty(t, faults)
		allowed := p.gateway(nil).Listeners[0].AllowedRoutes.Namespaces
		assert.Equal(t, c.from, string(*allowed.From))
		if c.labels != nil {
			assert.Equal(t, c.labels, allowed.Selector.MatchLabels)
		}
	}
}
