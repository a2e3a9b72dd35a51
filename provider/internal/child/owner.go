package child

import (
	"cmp"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// Owner is a component that makes its children.
type Owner struct {
	ctx      *pulumi.Context
	resource pulumi.ComponentResource
	given    *pulumi.ResourceOptions
	// kind is the component's type without the package, and name its Pulumi name.
	kind, name string
	identity   value.Value[meta.Identity]
	metadata   value.Value[meta.Metadata]
	// provider is the cluster of the children, and cluster its name; nil for the component's own.
	provider *Provider
	cluster  string
}

// NewOwner registers the component itself, whose type in the schema is modelplane:index:<kind>.
func NewOwner(
	ctx *pulumi.Context, kind, name string, resource pulumi.ComponentResource,
	identity value.Value[meta.Identity], metadata value.Value[meta.Metadata], opts []pulumi.ResourceOption,
) (Owner, error) {
	given, err := pulumi.NewResourceOptions(opts...)
	if err != nil {
		return Owner{}, err
	}
	// What preview did not know reaches these rules here for the first time.
	identity = value.Check(identity, func(i meta.Identity) fault.List {
		var faults fault.List
		faults.AddErr("namespace", names.Namespace(i.Namespace))
		return faults
	})
	metadata = value.Check(metadata, func(m meta.Metadata) fault.List { return names.Metadata(m.Labels, m.Annotations) })
	o := Owner{ctx: ctx, resource: resource, given: given, kind: kind, name: name, identity: identity, metadata: metadata}
	return o, ctx.RegisterComponentResource("modelplane:index:"+kind, name, resource, opts...)
}

// childName is a child's Pulumi name. Names that Pulumi makes up for objects start with it.
func (o Owner) childName(c Child) string { return cmp.Or(c.ResourceName, o.ChildName()) }

// ChildName is the Pulumi name of a child, or of one of several that parts tell apart.
func (o Owner) ChildName(parts ...string) string {
	return names.Child(o.identity.Now().Name, o.name, parts...)
}

// Resource is the component itself.
func (o Owner) Resource() pulumi.ComponentResource { return o.resource }

// options are those of a child that its component's options and the list decide. Pulumi itself hands on the component's
// provider, protect, retainOnDelete and transforms.
func (o Owner) options(c Child, after []pulumi.Resource) []pulumi.ResourceOption {
	opts := []pulumi.ResourceOption{pulumi.Parent(o.resource), pulumi.DependsOn(append(after, o.given.DependsOn...))}
	if o.provider != nil {
		opts = append(opts, pulumi.Provider(o.provider))
	}
	if aliases := o.aliases(c); len(aliases) > 0 {
		opts = append(opts, pulumi.Aliases(aliases))
	}
	if c.Hash.isSet() {
		opts = append(opts, pulumi.ReplaceOnChanges([]string{hashPath}))
	}
	if len(c.IgnoreChanges) > 0 {
		opts = append(opts, pulumi.IgnoreChanges(c.IgnoreChanges))
	}
	if c.Keep {
		opts = append(opts, pulumi.RetainOnDelete(true))
	}
	if c.replaceable() {
		opts = append(opts, pulumi.Protect(false), pulumi.RetainOnDelete(false))
	}
	if timeouts := o.timeouts(c); timeouts != (pulumi.CustomTimeouts{}) {
		opts = append(opts, pulumi.Timeouts(&timeouts))
	}
	return opts
}

// timeouts are the component's customTimeouts for a child that is waited for, and the child's own where it has none.
func (o Owner) timeouts(c Child) pulumi.CustomTimeouts {
	var given, timeouts pulumi.CustomTimeouts
	if t := o.given.CustomTimeouts; t != nil {
		given = pulumi.CustomTimeouts{Create: isSet(t.Create), Update: isSet(t.Update), Delete: isSet(t.Delete)}
	}
	if c.Timeout != "" {
		timeouts.Create, timeouts.Update = cmp.Or(given.Create, c.Timeout), cmp.Or(given.Update, c.Timeout)
	}
	if c.Timeout != "" || c.DeleteTimeout != "" {
		timeouts.Delete = cmp.Or(given.Delete, c.DeleteTimeout)
	}
	return timeouts
}

// isSet is a time-out, or empty where the program has set another one alone: Pulumi then sends 0s.
func isSet(timeout string) string {
	if timeout == "0s" {
		return ""
	}
	return timeout
}

// aliases are what the child was called under the component's aliases. Pulumi works that out by itself where the child's name
// starts with the component's.
func (o Owner) aliases(c Child) []pulumi.Alias {
	name := o.identity.Now().Name
	if c.ResourceName != "" || name == o.name {
		return nil
	}
	var aliases []pulumi.Alias
	for _, alias := range o.given.Aliases {
		if old, ok := alias.URN.(pulumi.URN); ok && urn.URN(old).Name() != o.name {
			aliases = append(aliases, pulumi.Alias{Name: pulumi.String(names.Child(name, urn.URN(old).Name()))})
		}
	}
	return aliases
}

// Namespace is the namespace of the component's objects.
func (o Owner) Namespace() pulumix.Output[string] {
	return pulumix.Apply(o.identity.Output(), func(i meta.Identity) string { return i.Namespace })
}
