package component

import (
	"cmp"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Register registers the component itself, and makes the options of its children: the component as parent, and of the
// component's own options those that Pulumi hands to no child by itself, dependsOn to all and customTimeouts to those that
// are waited for.
func Register(
	ctx *pulumi.Context, token, name string, resource pulumi.ComponentResource, opts []pulumi.ResourceOption,
) (Children, error) {
	if err := ctx.RegisterComponentResource(token, name, resource, opts...); err != nil {
		return Children{}, err
	}
	given, err := pulumi.NewResourceOptions(opts...)
	if err != nil {
		return Children{}, err
	}
	if t := given.CustomTimeouts; t != nil {
		given.CustomTimeouts = &pulumi.CustomTimeouts{Create: set(t.Create), Update: set(t.Update), Delete: set(t.Delete)}
	}
	return Children{parent: resource, given: given}, nil
}

// set is a time-out of the component's, or empty where the program has set another one alone: Pulumi then sends 0s.
func set(timeout string) string {
	if timeout == "0s" {
		return ""
	}
	return timeout
}

// Children makes the options of a component's children.
type Children struct {
	parent pulumi.Resource
	given  *pulumi.ResourceOptions
}

// Options are a child's options: the shared ones, then its own.
func (c Children) Options(own ...pulumi.ResourceOption) []pulumi.ResourceOption {
	opts := []pulumi.ResourceOption{pulumi.Parent(c.parent)}
	if len(c.given.DependsOn) > 0 {
		opts = append(opts, pulumi.DependsOn(c.given.DependsOn))
	}
	return append(opts, own...)
}

// Awaited is Options for a child that is waited for: up to seconds, unless the component's customTimeouts say otherwise.
func (c Children) Awaited(duration string, own ...pulumi.ResourceOption) []pulumi.ResourceOption {
	timeouts := pulumi.CustomTimeouts{Create: duration, Update: duration}
	if t := c.given.CustomTimeouts; t != nil {
		timeouts.Create = cmp.Or(t.Create, timeouts.Create)
		timeouts.Update = cmp.Or(t.Update, timeouts.Update)
		timeouts.Delete = t.Delete
	}
	return c.Options(append(own, pulumi.Timeouts(&timeouts))...)
}

// Ended is Options for a child whose end is waited for: as long as duration, unless the component's customTimeouts say otherwise.
func (c Children) Ended(duration string, own ...pulumi.ResourceOption) []pulumi.ResourceOption {
	timeouts := pulumi.CustomTimeouts{Delete: duration}
	if t := c.given.CustomTimeouts; t != nil {
		timeouts.Delete = cmp.Or(t.Delete, timeouts.Delete)
	}
	return c.Options(append(own, pulumi.Timeouts(&timeouts))...)
}

func splitTag(tag string) (name string, tagged bool) {
	name, _, _ = strings.Cut(tag, ",")
	return name, name != ""
}
