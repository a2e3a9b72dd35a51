package gateway

import (
	"fmt"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/load"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// TestTwoGatewaysLiveSideBySideUndisturbed would catch a gateway that serves its neighbour's services, Traefiks that rewrite
// one another's status without end, and an end of one that costs the other a request. The second gateway is one inside the
// cluster: its address is its ClusterIP. A third one, of the same program, installs the same CRDs at the same time.
func TestTwoGatewaysLiveSideBySideUndisturbed(t *testing.T) {
	gateway := sharedGateway(t)
	server := harness.Serve(t, modelserver.Options{Name: "both", Address: ":8000", BasePath: "/v1"})
	endpoint := harness.ModelEndpoint("both", fmt.Sprintf("url: 'http://%s/v1'", server.Address()))
	first := harness.NewStack(t, "first").MustUp(t, harness.Program("first",
		[]string{endpoint, harness.ModelService("one", gateway, "", "both")}, "url: ${one.url}"))["url"].(string)
	neighbour := harness.NewStack(t, "neighbour")
	outputs := neighbour.MustUp(t, harness.Program("neighbour", []string{
		harness.ModelGateway("inner", "replicas: 1, service: {type: ClusterIP}, "+harness.Chart("")),
		harness.ModelGateway("idle", "replicas: 1, service: {type: ClusterIP}, "+harness.Chart("")),
		endpoint, harness.ModelService("two", "'${inner.gateway}'", "", "both"),
	}, "url: ${two.url}", "address: ${inner.address}"))
	second := outputs["url"].(string)
	address, err := netip.ParseAddr(outputs["address"].(string))
	require.NoError(t, err)
	assert.True(t, harness.Plane.First().Services.Contains(address), "the address %s is not a ClusterIP", address)
	assert.Equal(t, "http://"+address.String()+"/default/two/v1", second)

	requireServed(t, first, "both")
	requireServed(t, second, "both")
	assert.Equal(t, 404, statusOf(t, exchangeHost(t, first, second)), "the first gateway serves the second one's service")
	assert.Equal(t, 404, statusOf(t, exchangeHost(t, second, first)), "the second gateway serves the first one's service")

	quiet := versions(t)
	require.Len(t, quiet, 11, "%v", quiet)
	// Each of two Traefiks that dispute a status writes it again as soon as it hears of the other's.
	time.Sleep(5 * time.Second)
	assert.Equal(t, quiet, versions(t), "something keeps writing")

	run := load.Start(t.Context(), load.Config{URL: first, RatePerSecond: 200, MaxRequests: 60_000})
	require.NoError(t, run.WaitFor(t.Context(), 100))
	requireSucceeds(t, neighbour.Destroy())
	require.NoError(t, run.WaitFor(t.Context(), 100))
	require.NoError(t, run.Stop().Err())
}

// versions are the resource versions of all Gateways, GatewayClasses and HTTPRoutes.
func versions(t testing.TB) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, kind := range []string{"gateways", "gatewayclasses", "httproutes"} {
		resource := schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: kind}
		list, err := harness.NewCluster(t).Resource(resource).List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		for _, object := range list.Items {
			found[kind+" "+object.GetNamespace()+"/"+object.GetName()] = object.GetResourceVersion()
		}
	}
	return found
}

// exchangeHost is the host of one URL with the path of another.
func exchangeHost(t testing.TB, host, path string) string {
	t.Helper()
	to, err := url.Parse(host)
	require.NoError(t, err)
	from, err := url.Parse(path)
	require.NoError(t, err)
	to.Path = from.Path
	return to.String() + "/models"
}
