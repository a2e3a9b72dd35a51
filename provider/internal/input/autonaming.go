package input

import (
	"cmp"
	"strings"

	"github.com/pulumi/pulumi/pkg/v3/cmd/pulumi/autonaming"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
)

// autonamingKey is where a stack's configuration says how Pulumi makes up names
// (https://www.pulumi.com/docs/iac/concepts/resources/names/#autonaming-configuration).
const autonamingKey = "pulumi:autonaming"

// autoNamed are the kinds of objects that Pulumi names, so that a new object can exist beside the one that it replaces.
var autoNamed = []kube.Kind{
	kube.Service, kube.EndpointSlice, kube.Secret, kube.ConfigMap, kube.Middleware, kube.BackendTLSPolicy, kube.HTTPRoute, kube.ReferenceGrant,
}

// checkAutonaming finds whether the stack's configuration has Pulumi give objects names with which updates lose requests. Name
// is the Pulumi name of the component's children.
func checkAutonaming(stack map[config.Key]string, component urn.URN, organization, name string) fault.List {
	text := stack[config.MustParseKey(autonamingKey)]
	if text == "" {
		return nil
	}
	context := autonaming.StackContext{
		Organization: cmp.Or(organization, "organization"), Project: string(component.Project()), Stack: string(component.Stack()),
	}
	values := config.Map{}
	for key, value := range stack {
		values[key] = config.NewValue(value)
	}
	values[config.MustParseKey(autonamingKey)] = config.NewObjectValue(text)
	naming, err := autonaming.ParseAutonamingConfig(context, values, config.NopDecrypter)
	if err != nil || naming == nil {
		return nil // the engine itself refuses what it cannot read
	}
	for _, kind := range autoNamed {
		child := urn.New(component.Stack(), component.Project(), component.QualifiedType(), tokens.Type(kind.Token), name)
		options, deletesFirst := naming.AutonamingForResource(child, []byte(component))
		if options == nil {
			continue
		}
		var faults fault.List
		const remedy = "; leave the Kubernetes provider out of it, with mode: default under providers.kubernetes"
		switch err := names.Object(options.ProposedName, names.MaxLabel); {
		case options.ProposedName == "":
			faults.Addf(autonamingKey, "is disabled in the stack's configuration, but Pulumi names the objects of modelplane (%s)%s", kind.Name, remedy)
		case deletesFirst:
			faults.Addf(autonamingKey, "in the stack's configuration gives names without a random part, with which Pulumi deletes an object (%s) "+
				"before it creates the next one, so that requests are lost%s", kind.Name, remedy)
		case err != nil:
			faults.Addf(autonamingKey, "in the stack's configuration gives a name (%s) that Kubernetes does not take: %s%s", kind.Name,
				strings.TrimSuffix(err.Error(), "."), remedy)
		default:
			continue
		}
		return faults
	}
	return nil
}
