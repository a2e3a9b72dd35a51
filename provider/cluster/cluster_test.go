package cluster

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child/childtest"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/placement"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// TestChildrenAreTheReviewedList would catch any change of what a cluster is given that nobody looked at.
func TestChildrenAreTheReviewedList(t *testing.T) {
	a := Args{
		Facts:      Facts{Labels: map[string]string{"region": "us"}},
		Serving:    Serving{Gateway: &GatewayArgs{Port: ptr.To(8443), HostName: ptr.To("east.example"), Replicas: 2, Annotations: map[string]string{"lb": "internal"}}},
		Hop:        Hop{TLS: &TLS{Certificate: "certificate", PrivateKey: "key", CACertificate: ptr.To("authority")}, APIKeys: []string{"new", "old\n"}},
		Components: Components{LeaderWorkerSet: ptr.To(ExtraInstalled)},
		Source:     Source{LeaderWorkerSetChart: &Chart{Values: map[string]any{"replicaCount": 2}}},
	}
	identity := a.OrOwn("east")
	in := Inputs{value.Known(a.Access), value.Known(a.Facts), value.Known(a.Components), value.Known(a.Source), value.Known(a.Serving), value.Known(a.Hop), value.Known(a.Annotated), value.Known(identity)}
	p, faults := decide(identity, a.Serving, a.isSecured())
	require.Empty(t, faults)
	list, err := children("east", false, in, value.Known(p))
	require.NoError(t, err)
	rendered, err := child.Render(Kind, "east", identity, meta.Metadata{Labels: a.Labels}, list)
	require.NoError(t, err)
	for _, c := range rendered {
		if spec, _ := c.Object["spec"].(map[string]any); spec["versions"] != nil {
			c.Object["spec"] = "…"
		}
	}
	childtest.Golden(t, rendered)
}

// TestFaultsOfAClusterAreNamed would catch bad input that reaches a cluster, and a fault that does not say what to write.
func TestFaultsOfAClusterAreNamed(t *testing.T) {
	certificate, key := pair(t, "east.example")
	for want, a := range map[string]Args{
		"gateway.port: 0 is outside 1 to 65535":    {Serving: Serving{Gateway: &GatewayArgs{Port: ptr.To(0), Replicas: 1}}},
		"gateway.replicas: 0 is outside 1 to 1000": {Serving: Serving{Gateway: &GatewayArgs{}}},
		"gateway.allowedNamespaces.matchLabels: is required with": {
			Serving: Serving{Gateway: &GatewayArgs{Replicas: 1, AllowedNamespaces: &meta.AllowedNamespaces{From: ptr.To(meta.FromSelector)}}},
		},
		"deleteUnreachable: needs kubeconfig":        {Access: Access{DeleteUnreachable: true}},
		"gateway.className: is required with envoy":  {Components: Components{EnvoyGateway: ptr.To(Existing)}},
		"pools[0].name: is empty":                    {Facts: Facts{Pools: []placement.Pool{{Nodes: 1}}}},
		`taints[0].effect: "" is not an effect`:      {Facts: Facts{Taints: []placement.Taint{{Key: "spot"}}}},
		"gateway.hostName: is required with tls":     {Hop: Hop{TLS: &TLS{}}},
		"gateway.hostName: is given without tls":     {Serving: Serving{Gateway: &GatewayArgs{Replicas: 1, HostName: ptr.To("east.example")}}},
		"tls.certificate: and tls.privateKey are no": {Hop: Hop{TLS: &TLS{}}},
		"tls.certificate: is not for gateway.hostName, \"west.example\"; write a name that it holds: east.example": {
			Serving: Serving{Gateway: &GatewayArgs{Replicas: 1, HostName: ptr.To("west.example")}}, Hop: Hop{TLS: &TLS{Certificate: certificate, PrivateKey: key}},
		},
		"tls.caCertificate: holds no certificate":   {Hop: Hop{TLS: &TLS{CACertificate: ptr.To("")}}},
		"apiKeys: is empty":                         {Hop: Hop{APIKeys: []string{}}},
		"apiKeys[0]: is empty or has a character":   {Hop: Hop{APIKeys: []string{" "}}},
		"apiKeys[2]: is the same key as apiKeys[0]": {Hop: Hop{APIKeys: []string{"a", "b", "a"}}},
		`labels["a b"]: `:                           {Facts: Facts{Labels: map[string]string{"a b": "c"}}},
	} {
		assert.ErrorContains(t, check("east", a).Err(), want)
	}
	assert.Empty(t, check("east", Args{}))
}

// pair is a certificate for a host name, and its key, in PEM.
func pair(t *testing.T, hostName string) (certificate, key string) {
	ca, err := modelserver.NewCA()
	require.NoError(t, err)
	issued, err := ca.Issue([]string{hostName}, nil)
	require.NoError(t, err)
	certificate, key, err = modelserver.PEM(issued)
	require.NoError(t, err)
	return certificate, key
}

// TestTheSchemaHasEveryInput would catch an input that Go hides behind another one of the same name.
func TestTheSchemaHasEveryInput(t *testing.T) {
	names := map[string]bool{}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Args]()) {
		if name := field.Tag.Get("pulumi"); name != "" {
			names[name] = true
		}
	}
	for _, part := range []reflect.Type{reflect.TypeFor[Components](), reflect.TypeFor[Serving](), reflect.TypeFor[Hop](), reflect.TypeFor[Source]()} {
		for _, field := range reflect.VisibleFields(part) {
			assert.Contains(t, names, field.Tag.Get("pulumi"), part)
		}
	}
}

// TestOnlyTheFailuresOfASecondReleaseAreExplained would catch advice that has nothing to do with what went wrong.
func TestOnlyTheFailuresOfASecondReleaseAreExplained(t *testing.T) {
	assert.Contains(t, adviseOnGroups(`Unable to continue with install: MutatingWebhookConfiguration "lws-mutating-webhook-configuration" in namespace "" `+
		`exists and cannot be imported into the current release: invalid ownership metadata`), "leaderWorkerSet: Existing")
	assert.Empty(t, adviseOnGroups("context deadline exceeded"))
}

// TestURLsHaveTheirPortsAndBrackets would catch a URL that no client takes.
func TestURLsHaveTheirPortsAndBrackets(t *testing.T) {
	for want, c := range map[string]struct {
		scheme, address string
		port            int
	}{
		"http://10.0.0.1":        {"http", "10.0.0.1", 80},
		"http://10.0.0.1:8080":   {"http", "10.0.0.1", 8080},
		"http://lb.example":      {"http", "lb.example", 80},
		"http://[fd00::1]":       {"http", "fd00::1", 80},
		"http://[fd00::1]:8080":  {"http", "fd00::1", 8080},
		"http://lb.example:8080": {"http", "lb.example", 8080},
		"https://10.0.0.1":       {"https", "10.0.0.1", 443},
		"https://[fd00::1]:80":   {"https", "fd00::1", 80},
	} {
		spec := map[string]any{"listeners": []any{map[string]any{"name": c.scheme, "port": float64(c.port)}}}
		got, err := gatewayURL(spec, map[string]any{"addresses": []any{map[string]any{"value": c.address}}})
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err := gatewayURL(map[string]any{}, map[string]any{})
	assert.ErrorContains(t, err, "has no address")
}
