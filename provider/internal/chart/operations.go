package chart

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

const (
	// DefaultDrain is how long, in seconds, a Pod that ends lets streams finish unless the user says otherwise.
	DefaultDrain = 600
	// PodLabel is on a gateway's Pods, with the gateway's name, whatever version of the chart makes them.
	PodLabel = "modelplane/gateway"
)

// Operations say how Traefik's Pods are run.
type Operations struct {
	// Autoscaling has the cluster choose the number of replicas; nil is a fixed number.
	Autoscaling *Autoscaling
	// DrainSeconds is how long a Pod that ends lets streams finish; 0 is [DefaultDrain].
	DrainSeconds int32
	// PriorityClass is the name of a PriorityClass; "" leaves it to the cluster.
	PriorityClass string
	// NodeSelector are labels of the nodes that Pods may run on.
	NodeSelector map[string]string
	// Tolerations are those of a Pod.
	Tolerations []any
	// Resources are those of a container; nil for none.
	Resources map[string]any
	// BodyMemory is how many bytes of requests' bodies Traefik may hold at once; 0 is the plugin's default.
	BodyMemory int64
	// Spread has the scheduler prefer nodes and zones with few of the gateway's Pods.
	Spread bool
}

// Autoscaling are the bounds within which the cluster chooses the number of replicas.
type Autoscaling struct {
	MinReplicas, MaxReplicas int32
	// TargetCPU is the share of the CPU that a Pod asks for, in percent, which the cluster holds its use to.
	TargetCPU int32
}

// PodEnd is how long, in seconds, a Pod may take to end: the time in which it still takes requests, that of its streams, and something to
// spare.
func (o Operations) PodEnd() int { return acceptSeconds + o.drainSeconds() + spareSeconds }

func (o Operations) drainSeconds() int { return int(cmp.Or(o.DrainSeconds, DefaultDrain)) }

// drain is how long streams may take to finish, as Traefik takes it.
func (o Operations) drain() string { return fmt.Sprintf("%ds", o.drainSeconds()) }

// values are the chart's values for what is asked for.
func (o Operations) values(gateway string) map[string]any {
	values := map[string]any{"deployment": map[string]any{"podLabels": map[string]any{PodLabel: gateway}}}
	if a := o.Autoscaling; a != nil {
		values["autoscaling"] = map[string]any{
			"enabled": true, "minReplicas": int(a.MinReplicas), "maxReplicas": int(a.MaxReplicas),
			"metrics": []any{map[string]any{"type": "Resource", "resource": map[string]any{
				"name": "cpu", "target": map[string]any{"type": "Utilization", "averageUtilization": int(a.TargetCPU)},
			}}},
		}
	}
	if o.PriorityClass != "" {
		values["priorityClassName"] = o.PriorityClass
	}
	if len(o.NodeSelector) > 0 {
		values["nodeSelector"] = anyMap(o.NodeSelector)
	}
	if len(o.Tolerations) > 0 {
		values["tolerations"] = o.Tolerations
	}
	if len(o.Resources) > 0 {
		values["resources"] = o.Resources
	}
	if o.Spread {
		values["topologySpreadConstraints"] = []any{spread("topology.kubernetes.io/zone", gateway), spread("kubernetes.io/hostname", gateway)}
	}
	return values
}

// environment are the variables that what is asked for needs.
func (o Operations) environment() []any {
	if o.BodyMemory == 0 {
		return nil
	}
	return []any{map[string]any{"name": plugin.BodyMemoryVariable, "value": strconv.FormatInt(o.BodyMemory, 10)}}
}

// spread prefers places with few of the gateway's Pods. Pods of one version count: those that end in a rollout would keep new ones away from
// the places that are about to be free.
func spread(places, gateway string) map[string]any {
	return map[string]any{
		"maxSkew": 1, "topologyKey": places, "whenUnsatisfiable": "ScheduleAnyway",
		"labelSelector":  map[string]any{"matchLabels": map[string]any{PodLabel: gateway}},
		"matchLabelKeys": []any{"pod-template-hash"},
	}
}
