package clusters

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/examples/exampletest"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

func lap(t testing.TB) func(string) {
	last := time.Now()
	return func(what string) {
		t.Logf("%6.1f s  %s", time.Since(last).Seconds(), what)
		last = time.Now()
	}
}

func envoyChart() string { return "/root/.cache/modelplane/bin/charts/gateway-helm" }

func TestMulti(t *testing.T) {
	const key = "gsk-Clusters-6d20f8b3"
	giveGPUs(t, harness.Plane.Cluster("east"))
	giveGPUs(t, harness.Plane.Cluster("west"))
	harness.ServeTLS(t, modelserver.Options{Name: "groq", Address: ":443", BasePath: "/openai/v1", Keys: []string{key}, Reply: "groq"}, "api.groq-clusters.example")
	for _, language := range []string{"yaml"} {
		lap := lap(t)
		s := exampletest.Open(t, exampletest.Copy(t, "multi-cluster/"+language), map[string]string{
			"secret:eastKubeconfig": kubeconfig(t, "east"), "secret:westKubeconfig": kubeconfig(t, "west"),
			"groqUrl": "https://api.groq-clusters.example/openai/v1", "secret:groqKey": key,
			"chart": exampletest.Chart(), "envoyChart": envoyChart(),
		})
		lap("open")
		up := s.Up()
		require.NoError(t, up.Err, up.Output)
		lap("up")
		t.Log(up.Output)
		url := s.Outputs(t)["url"].(string)
		t.Log(s.Outputs(t))
		answers := exampletest.Chats(t, language, url, 20)
		lap("chats")
		t.Log(answers, byCluster(t, answers, "east", "west"))
		exampletest.RequireUnchanged(t, s)
		lap("second up")
		s.SetConfig(t, "westDrain", "true")
		up = s.Up()
		require.NoError(t, up.Err, up.Output)
		lap("drain")
		answers = exampletest.Chats(t, language, url, 10)
		t.Log(answers, byCluster(t, answers, "east", "west"))
		assert.NotContains(t, s.Log.String()+s.State(t), key)
		lap("chats")
		s.Destroy()
		lap("destroy")
	}
}

func TestSingle(t *testing.T) {
	giveGPUs(t, harness.Plane.Cluster("west"))
	for _, language := range []string{"yaml"} {
		lap := lap(t)
		environment := exampletest.Environment(t)
		environment["KUBECONFIG"] = harness.Plane.Cluster("east").Kubeconfig() + ":" + harness.Plane.Cluster("west").Kubeconfig()
		s := stack.Of(t, exampletest.Copy(t, "model-deployment/"+language), environment)
		s.SetConfig(t, "gpuContext", "west")
		s.SetConfig(t, "chart", exampletest.Chart())
		s.SetConfig(t, "envoyChart", envoyChart())
		lap("open")
		up := s.Up()
		require.NoError(t, up.Err, up.Output)
		lap("up")
		url := s.Outputs(t)["url"].(string)
		t.Log(s.Outputs(t))
		answers := exampletest.Chats(t, language, url, 20)
		lap("chats")
		t.Log(answers, byCluster(t, answers, "east", "west"))
		exampletest.RequireUnchanged(t, s)
		lap("second up")
		s.Destroy()
		lap("destroy")
	}
}
