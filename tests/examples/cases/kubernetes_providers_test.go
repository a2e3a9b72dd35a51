package cases

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/modelplane/pulumi-modelplane/tests/examples/exampletest"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

// TestEachComponentGoesToItsOwnProvidersCluster would catch a child that is made with another provider than its component was
// given, or with the default one, whose cluster does not answer here; and a URL that the other cluster cannot use.
func TestEachComponentGoesToItsOwnProvidersCluster(t *testing.T) {
	sharedGateway(t) // installs the CRDs
	near := harness.Serve(t, modelserver.Options{Name: "near", Address: ":8000", BasePath: "/v1", Reply: "near"})
	far := harness.Serve(t, modelserver.Options{Name: "far", Address: ":8000", BasePath: "/v3", Reply: "far"})
	settings := map[string]any{
		"hubUrls":     []string{"http://" + near.Address() + "/v1"},
		"farUrls":     []string{"http://" + far.Address() + "/v3"},
		"installCrds": false,
		"chart":       exampletest.BriefChart(),
	}
	inEachLanguage(t, func(t *testing.T, language string) {
		environment := exampletest.Environment(t)
		environment["KUBECONFIG"] = twoContexts(t)
		s := stack.Of(t, exampletest.Configured(t, "kubernetes-providers", language, settings), environment)
		outputs := up(t, s)
		exampletest.Record(t, s, "kubernetes-providers")
		assert.Equal(t, map[string]string{
			"hub-gateway": "hub", "hub-replicas": "hub", "hub-to-far": "hub", "hub-chat": "hub",
			"far-gateway": "far", "far-replicas": "far", "far-chat": "far",
		}, providers(t, s))

		answers := exampletest.Chats(t, language, outputs["url"].(string), 20)
		// Each Traefik splits what it gets.
		assert.InDelta(t, 30, answers["near"], 4)
		assert.InDelta(t, 10, answers["far"], 4)
		assert.Equal(t, map[string]int{"far": 20}, exampletest.Chats(t, language, outputs["farUrl"].(string), 10))
	})
}

// twoContexts is a kubeconfig whose contexts hub and far both point to the plane's cluster, and whose current one points nowhere.
func twoContexts(t testing.TB) string {
	t.Helper()
	config, err := clientcmd.LoadFromFile(harness.Plane.Kubeconfig())
	require.NoError(t, err)
	only := config.Contexts[config.CurrentContext]
	config.Clusters["nowhere"] = &api.Cluster{Server: "https://192.0.2.1:6443"}
	config.Contexts = map[string]*api.Context{"hub": only, "far": only, "nowhere": {Cluster: "nowhere", AuthInfo: only.AuthInfo}}
	config.CurrentContext = "nowhere"
	path := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, clientcmd.WriteToFile(*config, path))
	return path
}

// providers are the names of the providers that the components' Kubernetes objects were made with, by component.
func providers(t testing.TB, s *stack.Stack) map[string]string {
	t.Helper()
	var state struct {
		Checkpoint struct {
			Latest struct {
				Resources []struct{ URN, Type, Parent, Provider string }
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(s.State(t)), &state))
	of := map[string]map[string]bool{}
	for _, resource := range state.Checkpoint.Latest.Resources {
		if !strings.HasPrefix(resource.Type, "kubernetes:") {
			continue
		}
		component := nameOf(resource.Parent)
		if of[component] == nil {
			of[component] = map[string]bool{}
		}
		urn := resource.Provider[:strings.LastIndex(resource.Provider, "::")]
		of[component][nameOf(urn)] = true
	}
	only := map[string]string{}
	for component, names := range of {
		only[component] = strings.Join(slices.Sorted(maps.Keys(names)), " and ")
	}
	return only
}

// nameOf is the last part of a URN.
func nameOf(urn string) string { return urn[strings.LastIndex(urn, "::")+2:] }
