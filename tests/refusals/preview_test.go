package refusals

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

// stacks are what previews run in, one each at a time; a nil is one that nobody has needed yet.
var stacks = make(chan *auto.Stack, runtime.GOMAXPROCS(0))

// home is where the stacks keep their state.
var home string

func TestMain(m *testing.M) {
	var err error
	if home, err = os.MkdirTemp("", "refusals"); err != nil {
		panic(err)
	}
	for range cap(stacks) {
		stacks <- nil
	}
	code := m.Run()
	if err := os.RemoveAll(home); err != nil {
		panic(err)
	}
	os.Exit(code)
}

// preview is what a preview said.
type preview struct {
	// Err is nil where the preview succeeded.
	Err error
	// Output is all that came out of it, the engine's events included.
	Output string
	// Errors are the engine's error messages.
	Errors []string
	// Resources are the types of what would be made, the stack and the providers left out.
	Resources []string
	// Inputs are what each of them would be made of, in JSON.
	Inputs []string
	// States are what the engine would record of each of them.
	States []apitype.StepEventStateMetadata
}

// previewOf previews a program without a cluster: in the stack's environment, KUBECONFIG leads nowhere.
func previewOf(t testing.TB, program pulumi.RunFunc, opts ...optpreview.Option) preview {
	t.Helper()
	s := <-stacks
	defer func() { stacks <- s }()
	if s == nil {
		s = newStack(t)
	}
	return previewIn(s, program, opts...)
}

func previewIn(s *auto.Stack, program pulumi.RunFunc, opts ...optpreview.Option) preview {
	s.Workspace().SetProgram(program)
	var all bytes.Buffer
	var result preview
	stream, done := make(chan events.EngineEvent), make(chan struct{})
	go func() {
		defer close(done)
		for event := range stream {
			result.note(event)
			text, _ := json.Marshal(event.EngineEvent)
			all.Write(text)
		}
	}()
	opts = append(opts, optpreview.EventStreams(stream))
	out, err := s.Preview(context.Background(), opts...)
	<-done
	result.Err = err
	result.Output = all.String() + out.StdOut + out.StdErr
	if err != nil {
		result.Output += err.Error() // the command's own output is part of it
	}
	return result
}

func newStack(t testing.TB) *auto.Stack {
	t.Helper()
	for _, tool := range []string{"pulumi", "pulumi-resource-modelplane", "pulumi-resource-kubernetes"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("previews need %s on PATH; make test-refusals puts it there", tool)
		}
	}
	ctx := context.Background()
	dir, err := os.MkdirTemp(home, "")
	require.NoError(t, err)
	pulumiHome := filepath.Join(dir, "home")
	require.NoError(t, stack.TurnLogOff(pulumiHome))
	w, err := auto.NewLocalWorkspace(ctx,
		auto.WorkDir(dir),
		auto.PulumiHome(pulumiHome),
		auto.Project(workspace.Project{Name: tokens.PackageName("refusals"), Runtime: workspace.NewProjectRuntimeInfo("go", nil)}),
		auto.EnvVars(map[string]string{
			"PULUMI_BACKEND_URL":                          "file://" + dir,
			"PULUMI_CONFIG_PASSPHRASE":                    "correct horse battery staple",
			"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
			"PULUMI_SKIP_UPDATE_CHECK":                    "true",
			"KUBECONFIG":                                  filepath.Join(dir, "no-such-kubeconfig"),
		}))
	require.NoError(t, err)
	made, err := auto.UpsertStack(ctx, "test", w)
	require.NoError(t, err)
	return &made
}

func (p *preview) note(event events.EngineEvent) {
	if d := event.DiagnosticEvent; d != nil && d.Severity == "error" {
		p.Errors = append(p.Errors, d.Message)
	}
	if r := event.ResourcePreEvent; r != nil && !strings.HasPrefix(r.Metadata.Type, "pulumi:") {
		p.Resources = append(p.Resources, r.Metadata.Type)
		inputs, _ := json.Marshal(r.Metadata.New.Inputs)
		p.States = append(p.States, *r.Metadata.New)
		p.Inputs = append(p.Inputs, fmt.Sprintf("%s %s", r.Metadata.URN, inputs))
	}
}

// resource is a component in a program, with its inputs as they reach the engine: without an SDK's types before it.
type resource struct {
	pulumi.ResourceState

	// Reference is the output by which other components take it.
	Backend pulumi.AnyOutput `pulumi:"backend"`
	Gateway pulumi.AnyOutput `pulumi:"gateway"`
}

// register adds a component of a type such as ModelEndpoint to a program.
func register(ctx *pulumi.Context, kind, name string, inputs map[string]any, opts ...pulumi.ResourceOption) (*resource, error) {
	var made resource
	err := ctx.RegisterRemoteComponentResource("modelplane:index:"+kind, name, input(inputs).(pulumi.Map), &made, opts...)
	return &made, err
}

// only is a program of one component.
func only(kind, name string, inputs map[string]any) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := register(ctx, kind, name, inputs)
		return err
	}
}

// The keys of maps that represent values which YAML cannot: {fn::secret: value} and {fn::unknown: …}.
const (
	secretKey  = "fn::secret"
	unknownKey = "fn::unknown"
)

// unknown is a value that preview does not know.
var unknown = map[string]any{unknownKey: nil}

// secret marks a value as Pulumi's secrets are.
func secret(value any) map[string]any { return map[string]any{secretKey: value} }

// input makes what a program hands to the engine of plain values.
func input(value any) pulumi.Input {
	switch value := value.(type) {
	case nil:
		return nil
	case pulumi.Input:
		return value
	case string:
		return pulumi.String(value)
	case bool:
		return pulumi.Bool(value)
	case int:
		return pulumi.Int(value)
	case float64:
		return pulumi.Float64(value)
	case []any:
		list := make(pulumi.Array, len(value))
		for i, element := range value {
			list[i] = input(element)
		}
		return list
	case map[string]any:
		if inner, is := value[secretKey]; is {
			return pulumi.ToSecret(input(inner))
		}
		if _, is := value[unknownKey]; is {
			return pulumi.UnsafeUnknownOutput(nil)
		}
		object := make(pulumi.Map, len(value))
		for key, element := range value {
			object[key] = input(element)
		}
		return object
	default:
		panic(fmt.Sprintf("%T cannot be a value of a case", value))
	}
}
