package deployment

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/apitest"
)

//go:generate go run ./testdata/generate

// TestTheAPIServerTakesALLMInferenceService would catch a field that KServe's CRD does not have, or a value that it refuses.
func TestTheAPIServerTakesALLMInferenceService(t *testing.T) {
	text, err := os.ReadFile("testdata/llminferenceservices.json")
	require.NoError(t, err)
	var crd map[string]any
	require.NoError(t, json.Unmarshal(text, &crd))
	server := apitest.Here(t, []map[string]any{crd})
	for name, a := range map[string]Args{"with everything": servedByKServe(), "with defaults": kserveDefaults()} {
		list := rendered(t, a, 2)
		service := list[len(list)-1].Object
		require.Equal(t, "LLMInferenceService", service["kind"])
		require.NoError(t, server.Create(t.Context(), service), name)
		spec := service["spec"].(map[string]any)
		spec["replicas"] = -1
		assert.ErrorContains(t, server.Create(t.Context(), service), "spec.replicas", "the server checks nothing")
		spec["replicas"], spec["gateway"] = 1, "east"
		assert.ErrorContains(t, server.Create(t.Context(), service), `unknown field "spec.gateway"`, "the server takes any field")
	}
}

func kserveDefaults() Args {
	a := llama()
	a.Clusters = servedByKServe().Clusters
	return a
}
