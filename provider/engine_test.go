package provider_test

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/blang/semver"
	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/integration"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/provider"
	"github.com/modelplane/pulumi-modelplane/provider/internal/chart"
)

// options are those options of a component that it has to hand to its children itself.
type options struct {
	DependsOn      []resource.URN           `json:"dependsOn"`
	CustomTimeouts *resource.CustomTimeouts `json:"customTimeouts"`
}

// engine has the provider construct components as Pulumi's engine does, and answers for the cluster.
type engine struct {
	t      *testing.T
	server integration.Server
	dryRun bool

	mutex      sync.Mutex
	registered []child
}

// child is what a component registered.
type child struct {
	kind, name string
	inputs     property.Map
	request    *pulumirpc.RegisterResourceRequest
}

func newEngine(t *testing.T) *engine {
	t.Helper()
	served, err := provider.New()
	require.NoError(t, err)
	e := &engine{t: t}
	e.server, err = integration.NewServer(t.Context(), provider.Name, semver.MustParse("1.0.0"), integration.WithProvider(served),
		integration.WithMocks(&integration.MockResourceMonitor{NewResourceF: e.register}))
	require.NoError(t, err)
	return e
}

// construct makes one component and gives its outputs and its children.
func (e *engine) construct(kind, name string, inputs property.Map, given options) (property.Map, []child) {
	e.t.Helper()
	e.registered = nil
	urn := resource.NewURN("stack", "project", "", tokens.Type("modelplane:index:"+kind), name)
	response, err := e.server.Construct(p.ConstructRequest{
		Urn: urn, Inputs: inputs, DryRun: e.dryRun, Dependencies: given.DependsOn, CustomTimeouts: given.CustomTimeouts,
	})
	require.NoError(e.t, err)
	var children []child
	for _, c := range e.registered {
		if c.request.Custom {
			assert.Equal(e.t, string(urn), c.request.Parent, "the parent of %s", c.key())
			children = append(children, c)
		}
	}
	return response.State, children
}

func (e *engine) register(args integration.MockResourceArgs) (string, property.Map, error) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.registered = append(e.registered, child{string(args.TypeToken), args.Name, args.Inputs, args.RegisterRPC})
	return args.Name, e.answer(string(args.TypeToken), args.Name, args.Inputs), nil
}

// answer is an object as the cluster has it: with a name and a UID, and where it is Traefik's Service, with the addresses
// that its type gets. There is a load balancer unless a Release asked for a Service of another type.
func (e *engine) answer(kind, name string, inputs property.Map) property.Map {
	switch kind {
	case "kubernetes:helm.sh/v3:Release":
		return inputs.Set("status", property.New(map[string]property.Value{"revision": property.New(1.0)}))
	case "kubernetes:core/v1:ServicePatch":
		inputs = inputs.Set("spec", property.New(map[string]property.Value{"clusterIP": property.New("10.96.0.10")}))
		if slices.ContainsFunc(e.registered, isBalanced) {
			point := property.New(map[string]property.Value{"ip": property.New("203.0.113.7")})
			ingress := property.New(map[string]property.Value{"ingress": property.New([]property.Value{point})})
			inputs = inputs.Set("status", property.New(map[string]property.Value{"loadBalancer": ingress}))
		}
	}
	metadata := inputs.Get("metadata")
	if !metadata.IsMap() {
		return inputs
	}
	named := metadata.AsMap()
	if named.Get("name").IsNull() {
		named = named.Set("name", property.New(autoName(kind, name)))
	}
	if !e.dryRun {
		named = named.Set("uid", property.New("uid-of-"+autoName(kind, name)))
	}
	return inputs.Set("metadata", property.New(named))
}

// autoName is another one for each kind, so that one in another's place shows.
func autoName(kind, name string) string {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(kind))
	return fmt.Sprintf("%s-%08x", name, hash.Sum32())
}

func isBalanced(c child) bool {
	asked, err := property.PathFromSegments(property.NewSegment("values"), property.NewSegment("service"), property.NewSegment("spec"),
		property.NewSegment("type")).Get(property.New(c.inputs))
	return err == nil && asked.IsString() && asked.AsString() == "LoadBalancer"
}

// inOrder puts each child after those that it depends on. What depends on none of the others is registered at the same
// time, and sorted here.
func inOrder(children []child) []child {
	left := slices.SortedFunc(slices.Values(children), func(x, y child) int { return cmp.Compare(x.key(), y.key()) })
	var ordered []child
	for len(left) > 0 {
		next := slices.IndexFunc(left, func(c child) bool {
			return !slices.ContainsFunc(left, func(other child) bool { return slices.Contains(c.after(), other.key()) })
		})
		ordered = append(ordered, left[next])
		left = slices.Delete(left, next, next+1)
	}
	return ordered
}

func (c child) key() string { return strings.TrimPrefix(c.kind, "kubernetes:") + " " + c.name }

// after are the keys of the objects that it depends on, by dependsOn or by its inputs.
func (c child) after() []string {
	var keys []string
	for _, dependency := range c.request.Dependencies {
		urn := resource.URN(dependency)
		keys = append(keys, strings.TrimPrefix(string(urn.Type()), "kubernetes:")+" "+urn.Name())
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// listed is the child's entry in objects.yaml.
func (c child) listed() map[string]any {
	inputs := shown(property.New(c.inputs)).(map[string]any)
	elsewhere(inputs)
	entry := map[string]any{"inputs": inputs}
	given := map[string]any{}
	if after := c.after(); len(after) > 0 {
		given["after"] = after
	}
	if paths := c.request.ReplaceOnChanges; len(paths) > 0 {
		given["replaceOnChanges"] = paths
	}
	if paths := c.request.IgnoreChanges; len(paths) > 0 {
		given["ignoreChanges"] = paths
	}
	if c.request.GetRetainOnDelete() {
		given["retainOnDelete"] = true
	}
	if t := c.request.CustomTimeouts; t != nil {
		timeouts := map[string]string{"create": t.Create, "update": t.Update, "delete": t.Delete}
		maps.DeleteFunc(timeouts, func(_, duration string) bool { return duration == "" })
		if len(timeouts) > 0 {
			given["customTimeouts"] = timeouts
		}
	}
	if len(given) > 0 {
		entry["options"] = given
	}
	return map[string]any{c.key(): entry}
}

// elsewhere leaves out what is reviewed elsewhere: CRDs and the plugin's source.
func elsewhere(inputs map[string]any) {
	if inputs["kind"] == "CustomResourceDefinition" {
		inputs["spec"], inputs["metadata"] = "(CRD)", map[string]any{"name": inputs["metadata"].(map[string]any)["name"]}
	}
	values, _ := inputs["values"].(map[string]any)
	experimental, _ := values["experimental"].(map[string]any)
	plugins, _ := experimental["localPlugins"].(map[string]any)
	if ours, ok := plugins[plugin.Name].(map[string]any); ok {
		ours["source"] = "(plugin)"
		deployment, _ := values["deployment"].(map[string]any)
		deployment["podAnnotations"].(map[string]any)[chart.PluginAnnotation] = "(hash)"
	}
}
