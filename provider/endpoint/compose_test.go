package endpoint

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/emptypb"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// cluster answers for Kubernetes: names that Pulumi makes up are known in preview, and the URL of a server is not.
type cluster struct {
	preview bool
	url     string

	mutex      sync.Mutex
	registered map[string]pulumi.MockResourceArgs
	outputs    int
}

func (c *cluster) RegisterResourceOutputs() (*emptypb.Empty, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.outputs++
	return &emptypb.Empty{}, nil
}

func (c *cluster) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) { return nil, nil }

func (c *cluster) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	kind := args.TypeToken[strings.LastIndex(args.TypeToken, ":")+1:]
	c.registered[kind+" "+args.Name] = args
	outputs := args.Inputs.Copy()
	switch metadata := outputs["metadata"]; {
	case kind == "Server" && c.preview:
		outputs["url"] = resource.MakeComputed(resource.NewProperty(""))
	case kind == "Server":
		outputs["url"] = resource.NewProperty(c.url)
	case metadata.IsObject():
		named := metadata.ObjectValue().Copy()
		named["name"] = resource.NewProperty(args.Name + "-0fbc81a4")
		outputs["metadata"] = resource.NewProperty(named)
	}
	return args.Name, outputs, nil
}

// server is what another component makes first, and what it knows of only afterwards.
type server struct {
	pulumi.CustomResourceState
	URL pulumi.StringOutput `pulumi:"url"`
}

type deployment struct{ pulumi.ResourceState }

// compose makes two endpoints inside another component: one whose URL is known, and one whose URL only the cluster knows.
func (c *cluster) compose(late Server, key Credential) (references map[string]BackendReference, err error) {
	c.registered = map[string]pulumi.MockResourceArgs{}
	references = map[string]BackendReference{}
	made := make(chan BackendReference, 2)
	err = pulumi.RunErr(func(ctx *pulumi.Context) error {
		outer := &deployment{}
		if err := ctx.RegisterComponentResource("modelplane:index:ModelDeployment", "llama", outer); err != nil {
			return err
		}
		first := &server{}
		if err := ctx.RegisterResource("test:index:Server", "llama", pulumi.Map{}, first, pulumi.Parent(outer)); err != nil {
			return err
		}
		later := pulumix.Apply(pulumix.MustConvertTyped[string](first.URL), func(url string) Server {
			late := late
			late.URL = url
			return late
		})
		for name, s := range map[string]value.Value[Server]{
			"llama-known": value.Known(Server{URL: "http://10.0.0.7:8000/v1"}),
			"llama-late":  value.Partly(late, later),
		} {
			e, err := New(ctx, name, Inputs{
				Server: s, Credential: value.Partly(Credential{APIKey: ptr.To("")}, pulumix.Val(key)),
				Identity: value.Known(meta.Identity{}), Metadata: value.Known(meta.Metadata{}),
			}, pulumi.Parent(outer))
			if err != nil {
				return err
			}
			pulumix.Apply(e.Backend, func(reference BackendReference) bool {
				made <- reference
				return true
			})
		}
		return nil
	}, pulumi.WithMocks("project", "stack", c), func(info *pulumi.RunInfo) { info.DryRun = c.preview })
	for err == nil && len(references) < 2 && (!c.preview || len(references) < 1) {
		reference := <-made
		references[reference.Name] = reference
	}
	return references, err
}

// TestEndpointsAreMadeInsideOtherComponents would catch an endpoint that another component cannot make while it does not know the
// URL: children that are missing from preview, or rules that nothing holds the URL to in the end.
func TestEndpointsAreMadeInsideOtherComponents(t *testing.T) {
	key := Credential{APIKey: ptr.To("not-a-real-key")}
	var children [2][]string
	for i, preview := range []bool{true, false} {
		c := &cluster{preview: preview, url: "http://10.0.0.8:8000/v1"}
		references, err := c.compose(Server{}, key)
		require.NoError(t, err, "preview: %t", preview)
		for child, args := range c.registered {
			children[i] = append(children[i], child)
			if args.Custom && !strings.HasPrefix(child, "Server ") {
				name := child[strings.Index(child, " ")+1:]
				assert.True(t, strings.HasSuffix(args.RegisterRPC.GetParent(), "$modelplane:index:ModelEndpoint::"+name), args.RegisterRPC.GetParent())
			}
		}
		slices.Sort(children[i])
		assert.Equal(t, BackendReference{
			Name: "llama-known", ServiceName: "llama-known-0fbc81a4", Namespace: "default", Port: 8000, BasePath: "/v1", Keyed: true,
			Middleware: ptr.To("llama-known-0fbc81a4"),
		}, references["llama-known"])
		if !preview {
			assert.Equal(t, "llama-late-0fbc81a4", references["llama-late"].ServiceName)
		}
		assert.Equal(t, 3, c.outputs, "outputs of both endpoints and of the stack")
	}
	assert.Equal(t, children[1], children[0], "preview shows the children that there will be")
	assert.Contains(t, children[0], "Middleware llama-late")
}

// TestRulesHoldForWhatOtherComponentsLearnLate would catch a value that becomes known after the check and that no rule is
// applied to.
func TestRulesHoldForWhatOtherComponentsLearnLate(t *testing.T) {
	key := Credential{APIKey: ptr.To("not-a-real-key")}
	for want, c := range map[string]struct {
		url  string
		late Server
		key  Credential
	}{
		"url: has a loopback address":      {"http://127.0.0.1", Server{}, key},
		"apiKeyHeader: is the Host header": {"http://10.0.0.8", Server{APIKeyHeader: ptr.To("Host")}, key},
		"apiKey: is in quotation marks":    {"http://10.0.0.8", Server{}, Credential{APIKey: ptr.To(`"not-a-real-key"`)}},
	} {
		_, err := (&cluster{url: c.url}).compose(c.late, c.key)
		assert.ErrorContains(t, err, want)
		assert.NotContains(t, fmt.Sprint(err), "not-a-real-key")
	}
}
