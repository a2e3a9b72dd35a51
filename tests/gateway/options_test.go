package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

// TestOptionsOfAComponentReachItsChildren would catch a child that goes to another cluster than its component's provider
// points to, that is made before what the component depends on, that is replaced when the component is renamed with an alias,
// and protection that misses the route or keeps an endpoint's URL from being changed.
func TestOptionsOfAComponentReachItsChildren(t *testing.T) {
	gateway := sharedGateway(t)
	server := harness.Serve(t, modelserver.Options{Name: "optional", Address: ":8000", BasePath: "/v1"})
	// Only the program's own provider points to the cluster.
	s := stack.New(t, "options", map[string]string{"KUBECONFIG": "/nonexistent"})
	text := func(name, options, serviceOptions string) string {
		return harness.Program("options", []string{
			harness.Resource("pulumi:providers:kubernetes", "cluster", fmt.Sprintf("kubeconfig: %q", harness.Plane.Kubeconfig()), ""),
			harness.Resource("kubernetes:core/v1:Namespace", "apart", "metadata: {name: options-apart}", "provider: '${cluster}'"),
			harness.Resource("modelplane:ModelEndpoint", name, fmt.Sprintf("url: 'http://%s/v1', namespace: options-apart", server.Address()),
				"providers: ['${cluster}'], dependsOn: ['${apart}']"+options),
			harness.Resource("modelplane:ModelService", "chat", fmt.Sprintf("gateway: %s, backends: [{endpoint: '${%s.backend}'}]", gateway, name),
				"provider: '${cluster}'"+serviceOptions),
		}, "url: ${chat.url}")
	}
	const protected = ", protect: true"
	url := s.MustUp(t, text("old", protected, protected))["url"].(string)
	requireServed(t, url, "optional")
	assert.Equal(t, []bool{false, false, true}, protection(t, s, "Service", "EndpointSlice", "HTTPRoute"))
	server = harness.Serve(t, modelserver.Options{Name: "moved", Address: ":9000", BasePath: "/v1"})
	s.MustUp(t, text("old", protected, protected))
	requireServed(t, url, "moved")

	s.Write(t, text("new", ", aliases: [{name: old}]", ""))
	result := s.Up()
	requireSucceeds(t, result)
	for _, change := range []string{"create", "replace", "delete", "create-replacement", "delete-replaced"} {
		assert.Zero(t, result.Changes[change], "%s: %s", change, result.Output)
	}
	assert.Equal(t, []bool{false}, protection(t, s, "HTTPRoute"))
	requireServed(t, url, "moved")
}

// TestTransformsReachTheChildrenOfAComponent would catch children that a transform of the whole stack, or one of their
// component's options, passes by, and one whose change does not get to the cluster.
func TestTransformsReachTheChildrenOfAComponent(t *testing.T) {
	sharedGateway(t)
	s := inlineStack(t, func(ctx *pulumi.Context) error {
		if err := ctx.RegisterResourceTransform(label("stack")); err != nil {
			return err
		}
		var endpoint pulumi.ResourceState
		return ctx.RegisterRemoteComponentResource("modelplane:index:ModelEndpoint", "labelled",
			pulumi.Map{"url": pulumi.String("https://labelled.example.com/v1"), "apiKey": pulumi.ToSecret(pulumi.String("sk"))},
			&endpoint, pulumi.Transforms([]pulumi.ResourceTransform{label("component")}))
	})
	_, err := s.Up(t.Context())
	require.NoError(t, err)
	var labelled []string
	for _, object := range harness.NewCluster(t).Objects(t) {
		labels := object.GetLabels()
		if labels["app.kubernetes.io/name"] != "labelled" {
			continue
		}
		labelled = append(labelled, object.GetKind())
		for _, by := range []string{"stack", "component"} {
			assert.Equal(t, "yes", labels["example.com/"+by], "%s has no label by a transform of the %s", object.GetKind(), by)
		}
	}
	assert.ElementsMatch(t, []string{"Service", "EndpointSlice", "Secret", "Middleware"}, labelled)
}

// label is a transform that adds a label to every Kubernetes object.
func label(by string) pulumi.ResourceTransform {
	return func(_ context.Context, args *pulumi.ResourceTransformArgs) *pulumi.ResourceTransformResult {
		if !strings.HasPrefix(args.Type, "kubernetes:") {
			return nil
		}
		metadata := args.Props["metadata"].(pulumi.Map)
		metadata["labels"].(pulumi.Map)["example.com/"+by] = pulumi.String("yes")
		return &pulumi.ResourceTransformResult{Props: args.Props, Opts: args.Opts}
	}
}

// inlineStack is a stack with a program in Go, since one in YAML has no transforms. It is destroyed when the test ends.
func inlineStack(t testing.TB, program pulumi.RunFunc) auto.Stack {
	t.Helper()
	s, err := auto.UpsertStackInlineSource(t.Context(), "test", "inline", program, auto.WorkDir(t.TempDir()), auto.PulumiHome(t.TempDir()),
		auto.EnvVars(map[string]string{
			"KUBECONFIG":                                  harness.Plane.Kubeconfig(),
			"PULUMI_BACKEND_URL":                          "file://" + t.TempDir(),
			"PULUMI_CONFIG_PASSPHRASE":                    "correct horse battery staple",
			"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
			"PULUMI_SKIP_UPDATE_CHECK":                    "true",
		}))
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := s.Destroy(context.Background())
		assert.NoError(t, err)
	})
	return s
}

// protection is whether the stack's only object of each kind is protected.
func protection(t testing.TB, s *stack.Stack, kinds ...string) []bool {
	t.Helper()
	var state struct {
		Checkpoint struct {
			Latest struct {
				Resources []struct {
					Protect bool
					Inputs  struct{ Kind string }
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(s.State(t)), &state))
	var protected []bool
	for _, kind := range kinds {
		for _, resource := range state.Checkpoint.Latest.Resources {
			if resource.Inputs.Kind == kind {
				protected = append(protected, resource.Protect)
			}
		}
	}
	return protected
}
