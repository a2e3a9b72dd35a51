package traffic

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

// ours is the name of the gateway.
const ours = "gw"

const (
	byPlain   = "plain"
	byAsked   = "asked"
	byFronted = "fronted"
	// whoMayCall has a service ask callers for keys.
	whoMayCall = "auth: {callers: '${callers.callers}'}"
)

// services are those of all parts but the splits, by name.
func (b *bench) services() string {
	at := b.servers.addresses
	text := endpoint("e0", at["quick0"], "apiKey: '${key}'") + endpoint("e1", at["quick1"], "apiKey: '${key}'") +
		service(byPlain, "", "e0", "e1") + service(byAsked, whoMayCall, "e0", "e1") + service(byFronted, whoMayCall+", failover: {}", "e0", "e1")
	for _, name := range []string{"stream", "long", "held"} {
		text += endpoint(name, at[name], "apiKey: '${key}'") +
			service(name+"-"+byPlain, "", name) + service(name+"-"+byFronted, whoMayCall+", failover: {}", name)
	}
	for _, fault := range []string{killed, busy, hung} {
		text += endpoint(fault, at[fault], "apiKey: '${key}'") +
			service(fault+"-"+byPlain, "", fault, "e0") + service(fault+"-"+byFronted, whoMayCall+", failover: {headerTimeout: 1s}", fault, "e0")
	}
	return text
}

func endpoint(name, address, more string) string {
	return harness.ModelEndpoint(name, fmt.Sprintf("url: 'http://%s/v1', %s", address, more))
}

func service(name, properties string, endpoints ...string) string {
	return harness.ModelService(name, "'${gw.gateway}'", properties, endpoints...)
}

// up has these resources beside a gateway of one replica, with these properties more. Its services are asked at its Pod itself, as the other gateways
// are, and not through the plane's load balancer.
func (b *bench) up(resources string, more ...string) {
	b.Helper()
	var outputs []string
	for line := range strings.Lines(resources) {
		if name, kind, _ := strings.Cut(strings.TrimSpace(line), ": {type: 'modelplane:Model"); strings.HasPrefix(kind, "Service'") || strings.HasPrefix(kind, "Catalog'") {
			outputs = append(outputs, fmt.Sprintf("%s: '${%s.url}'", name, name))
		}
	}
	program := harness.Program("bench", []string{
		b.gateway(ours, more...),
		harness.Resource("modelplane:ModelCallers", "callers", "keys: [{name: bench, key: '${key}'}]", ""),
		resources,
	}, outputs...)
	b.urls = map[string]string{}
	for name, url := range b.stack.MustUp(b, program) {
		b.urls[name] = url.(string)
	}
}

// gateway is a gateway of one replica, with these properties more.
func (b *bench) gateway(name string, more ...string) string {
	chart, err := filepath.Abs("../../charts/traefik")
	require.NoError(b, err)
	return harness.ModelGateway(name, strings.Join(append(more, "replicas: 1", fmt.Sprintf("chart: {name: '%s'}", chart)), ", "))
}

// direct is the URL of a service at the gateway's Pod.
func (b *bench) direct(name string) string { return b.directAt(ours, name) }

// directAt is the URL of a service or a catalog at the Pod of its gateway.
func (b *bench) directAt(gateway, name string) string {
	b.Helper()
	_, path, isURL := strings.Cut(strings.TrimPrefix(b.urls[name], "http://"), "/")
	require.True(b, isURL, "%s has no URL: %q", name, b.urls[name])
	return "http://" + b.podOf(gateway) + ":8000/" + path
}

// podAddress is the address of the gateway's Pod that does not end.
func (b *bench) podAddress() string { return b.podOf(ours) }

func (b *bench) podOf(gateway string) string {
	b.Helper()
	pods, err := harness.NewCluster(b).Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace("modelplane-"+gateway).List(b.Context(), metav1.ListOptions{})
	require.NoError(b, err)
	for _, pod := range pods.Items {
		address, _, _ := unstructured.NestedString(pod.Object, "status", "podIP")
		if pod.GetDeletionTimestamp() == nil && address != "" {
			return address
		}
	}
	require.Fail(b, "the gateway has no Pod")
	return ""
}
