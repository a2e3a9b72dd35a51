package gateway

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

// TestAGatewayStartsWithoutWarnings would catch a setting whose safe value is not made explicit, and anything that Traefik
// cannot read or may not do. What it says on encoded characters it says on every start, whatever is set; that references are
// restricted is what is meant to be.
func TestAGatewayStartsWithoutWarnings(t *testing.T) {
	sharedGateway(t)
	logs, err := filepath.Glob(filepath.Join(harness.Plane.PodsDir(), "modelplane-shared_*.log"))
	require.NoError(t, err)
	colour := regexp.MustCompile("\x1b\\[[0-9;]*m")
	starts := 0
	for _, log := range logs {
		content, err := os.ReadFile(log)
		require.NoError(t, err)
		var complaints []string
		for line := range strings.Lines(colour.ReplaceAllString(string(content), "")) {
			stamp, text, _ := strings.Cut(line, " ")
			at, err := time.Parse(time.RFC3339, stamp)
			// What comes later is of the other tests' making.
			if err != nil || at.After(shared.made) {
				continue
			}
			switch {
			case strings.HasPrefix(text, "INF Traefik version"):
				starts++
			case strings.HasPrefix(text, "INF "), strings.Contains(text, "reject some encoded characters"),
				strings.Contains(text, "references are restricted to namespaces [modelplane-shared]"):
			default:
				complaints = append(complaints, line)
			}
		}
		assert.Empty(t, complaints, filepath.Base(log))
	}
	assert.Equal(t, 2, starts, "logs of a start")
}

// TestWhatTheUserSetsForTheChartWins would catch values that are lost, that take the place of ours beside them, or a port
// that does not reach the Service and the URL.
func TestWhatTheUserSetsForTheChartWins(t *testing.T) {
	sharedGateway(t)
	assert.Regexp(t, `^http://10\.97\.\d+\.\d+:8088$`, shared.url)
	assert.Equal(t, http.StatusNotFound, statusOf(t, shared.url+"/"))

	deployments := schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	deployment, err := harness.NewCluster(t).Resource(deployments).Namespace("modelplane-shared").
		Get(t.Context(), "shared", metav1.GetOptions{})
	require.NoError(t, err)
	annotations, _, err := unstructured.NestedStringMap(deployment.Object, "spec", "template", "metadata", "annotations")
	require.NoError(t, err)
	assert.Equal(t, "red", annotations["team"])
	containers, _, err := unstructured.NestedSlice(deployment.Object, "spec", "template", "spec", "containers")
	require.NoError(t, err)
	require.Len(t, containers, 1)
	container := containers[0].(map[string]any)
	assert.Equal(t, map[string]any{"requests": map[string]any{"cpu": "10m"}}, container["resources"])
	probe := container["readinessProbe"].(map[string]any)
	assert.EqualValues(t, 3, probe["periodSeconds"], "the user's")
	assert.EqualValues(t, 5, probe["initialDelaySeconds"], "ours, beside it")
}

func statusOf(t testing.TB, url string) int {
	t.Helper()
	response, err := http.Get(url)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}
