// Package placed is the custom resource ModelPlacement: it decides which clusters run a model's replicas, and remembers it, so that
// no replica moves without a cause. A component has no state of its own; a custom resource is given its old one.
package placed

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/pulumi/pulumi/sdk/v3/go/property"

	"github.com/modelplane/pulumi-modelplane/provider/internal/input"
	"github.com/modelplane/pulumi-modelplane/provider/internal/placement"
)

// Token is the resource's type.
const Token = "modelplane:index:ModelPlacement"

// Args are what a placement is decided by.
type Args struct {
	Request  placement.Request   `pulumi:"request" json:"request"`
	Clusters []placement.Cluster `pulumi:"clusters" json:"clusters"`
}

// Annotate describes the inputs for the schema.
func (a *Args) Annotate(at infer.Annotator) {
	at.Describe(&a.Request, "How many replicas there are to be, and what they need.")
	at.Describe(&a.Clusters, "The clusters that there are for them.")
}

// State is what has been decided.
type State struct {
	Placed []Placed `pulumi:"placed"`
}

// Placed is how many replicas a cluster runs.
type Placed struct {
	Cluster  string `pulumi:"cluster" json:"cluster"`
	Replicas int    `pulumi:"replicas" json:"replicas"`
}

// Annotate describes the type for the schema.
func (p *Placed) Annotate(at infer.Annotator) {
	at.SetToken("index", "PlacedReplicas")
	at.Describe(p, "How many replicas of a model a cluster runs.")
	at.Describe(&p.Cluster, "The cluster's name.")
	at.Describe(&p.Replicas, "How many replicas it runs, 1 or more.")
}

// Annotate describes the output for the schema.
func (s *State) Annotate(at infer.Annotator) {
	at.Describe(&s.Placed, "The clusters that run replicas, by name.")
}

// resource is what infer takes for the schema. The provider answers for it by itself: infer would make every output unknown in
// preview, and every unknown input empty.
type resource struct{}

// Annotate describes the resource for the schema.
func (r *resource) Annotate(at infer.Annotator) {
	at.SetToken("index", "ModelPlacement")
	at.Describe(r, "Which clusters run the replicas of a model. A ModelDeployment has one of its own. It keeps every replica where it is, "+
		"unless its cluster is gone, drained, tainted against it, or has no more room.")
}

func (resource) Create(context.Context, infer.CreateRequest[Args]) (infer.CreateResponse[State], error) {
	return infer.CreateResponse[State]{}, errors.New("a ModelPlacement is made by its own provider functions")
}

// Inferred describes the resource for the schema.
func Inferred() infer.InferredResource { return infer.Resource(resource{}) }

// Provider is the part of the provider that answers for placements.
type Provider struct {
	Spec func(context.Context) (schema.PackageSpec, error)
}

// Check refuses inputs that no placement can be decided by.
func (r Provider) Check(ctx context.Context, req p.CheckRequest) (p.CheckResponse, error) {
	_, _, err := r.read(ctx, req.Inputs)
	return p.CheckResponse{Inputs: req.Inputs}, err
}

// Diff finds what else is asked for. The same request has the same result, whatever has become of the clusters.
func (r Provider) Diff(_ context.Context, req p.DiffRequest) (p.DiffResponse, error) {
	return p.DiffResponse{HasChanges: !req.Inputs.Equals(req.OldInputs)}, nil
}

// Create decides where the replicas run.
func (r Provider) Create(ctx context.Context, req p.CreateRequest) (p.CreateResponse, error) {
	state, err := r.decide(ctx, req.Properties, property.Map{})
	return p.CreateResponse{ID: req.Urn.Name(), Properties: state}, err
}

// Update decides it again, given where they run.
func (r Provider) Update(ctx context.Context, req p.UpdateRequest) (p.UpdateResponse, error) {
	state, err := r.decide(ctx, req.Inputs, req.State)
	return p.UpdateResponse{Properties: state}, err
}

// Read knows nothing but what the state says.
func (Provider) Read(_ context.Context, req p.ReadRequest) (p.ReadResponse, error) {
	return p.ReadResponse{ID: req.ID, Properties: req.Properties, Inputs: req.Inputs}, nil
}

// Delete has nothing to delete.
func (Provider) Delete(context.Context, p.DeleteRequest) error { return nil }

func (r Provider) read(ctx context.Context, inputs property.Map) (args Args, complete bool, err error) {
	spec, err := r.Spec(ctx)
	if err != nil {
		return args, false, err
	}
	return input.Read[Args](spec, Token, inputs)
}

// decide is the new state. In preview it is as good as the inputs: unknown if one of them is.
func (r Provider) decide(ctx context.Context, inputs, old property.Map) (property.Map, error) {
	args, complete, err := r.read(ctx, inputs)
	if err != nil {
		return property.Map{}, err
	}
	if !complete {
		return inputs.Set("placed", property.New(property.Computed)), nil
	}
	decided, faults := placement.Place(args.Request, args.Clusters, remembered(old))
	if err := faults.Err(); err != nil {
		return property.Map{}, fmt.Errorf("the replicas cannot be placed: %w", err)
	}
	return inputs.Set("placed", listed(decided.Replicas)), nil
}

// remembered are the replicas that a state has placed.
func remembered(state property.Map) map[string]int {
	current := map[string]int{}
	placed := state.Get("placed")
	if !placed.IsArray() {
		return current
	}
	for _, entry := range placed.AsArray().All {
		current[entry.AsMap().Get("cluster").AsString()] = int(entry.AsMap().Get("replicas").AsNumber())
	}
	return current
}

// listed is where replicas run, by the clusters' names.
func listed(current map[string]int) property.Value {
	var list []property.Value
	for _, cluster := range slices.Sorted(maps.Keys(current)) {
		if current[cluster] > 0 {
			list = append(list, property.New(map[string]property.Value{
				"cluster": property.New(cluster), "replicas": property.New(float64(current[cluster])),
			}))
		}
	}
	return property.New(list)
}
