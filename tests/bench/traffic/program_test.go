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

// up has these resources beside a gateway of one replica. Its services are asked at its Pod itself, as the other gateways are, and not through the
// plane's load balancer.
func (b *bench) up(resources string) {
	b.Helper()
	var outputs []string
	for line := range strings.Lines(resources) {
		if name, _, isService := strings.Cut(strings.TrimSpace(line), ": {type: 'modelplane:ModelService'"); isService {
			outputs = append(outputs, fmt.Sprintf("%s: '${%s.url}'", name, name))
		}
	}
	chart, err := filepath.Abs("../../charts/traefik")
	require.NoError(b, err)
	program := harness.Program("bench", []string{
		harness.ModelGateway("gw", fmt.Sprintf("replicas: 1, chart: {name: '%s'}", chart)),
		harness.Resource("modelplane:ModelCallers", "callers", "keys: [{name: bench, key: '${key}'}]", ""),
		resources,
	}, outputs...)
	b.urls = map[string]string{}
	for name, url := range b.stack.MustUp(b, program) {
		b.urls[name] = url.(string)
	}
}

// direct is the URL of a service at the gateway's Pod.
func (b *bench) direct(name string) string {
	_, path, _ := strings.Cut(strings.TrimPrefix(b.urls[name], "http://"), "/")
	return "http://" + b.podAddress() + ":8000/" + path
}

// podAddress is the address of the gateway's Pod that does not end.
func (b *bench) podAddress() string {
	b.Helper()
	pods, err := harness.NewCluster(b).Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace("modelplane-gw").List(b.Context(), metav1.ListOptions{})
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
