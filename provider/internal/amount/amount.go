// Package amount reads amounts of CPU, memory and other resources.
package amount

import (
	"maps"
	"regexp"
	"slices"

	"github.com/pulumi/pulumi-go-provider/infer"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
)

// Resources are what a container asks for and may use.
type Resources struct {
	Requests map[string]string `pulumi:"requests,optional"`
	Limits   map[string]string `pulumi:"limits,optional"`
}

// Annotate describes the type for the schema.
func (r *Resources) Annotate(at infer.Annotator) {
	at.SetToken("index", "DeploymentResources")
	at.Describe(r, "What each replica asks for and may use (https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/).")
	at.Describe(&r.Requests, "What a node must have free, by resource, as quantities: `{cpu: \"8\", memory: 64Gi}`.")
	at.Describe(&r.Limits, "What a replica may use at most, by resource, as quantities.")
}

// Requirements are the resources, at path, as a container takes them.
func (r Resources) Requirements(path string, faults *fault.List) corev1.ResourceRequirements {
	required := corev1.ResourceRequirements{
		Requests: list(path+".requests", r.Requests, faults),
		Limits:   list(path+".limits", r.Limits, faults),
	}
	for _, name := range slices.Sorted(maps.Keys(r.Requests)) {
		request, limit := required.Requests[corev1.ResourceName(name)], required.Limits[corev1.ResourceName(name)]
		if _, limited := required.Limits[corev1.ResourceName(name)]; limited && request.Cmp(limit) > 0 {
			faults.Addf(fault.Key(path+".requests", name), "%s is more than the limit of %s; write that much or less", request.String(), limit.String())
		}
	}
	return required
}

func list(path string, texts map[string]string, faults *fault.List) corev1.ResourceList {
	if len(texts) == 0 {
		return nil
	}
	all := corev1.ResourceList{}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		quantity, err := Parse(texts[name])
		if err != nil || quantity.Sign() < 0 {
			faults.Addf(fault.Key(path, name), "%q is not a quantity; write one such as 500m, 8 or 64Gi", texts[name])
			continue
		}
		all[corev1.ResourceName(name)] = quantity
	}
	return all
}

// Parse reads a quantity. It refuses exponents of three digits, which take minutes to work out and are no amounts.
func Parse(text string) (resource.Quantity, error) {
	if hugeExponent.MatchString(text) {
		return resource.Quantity{}, resource.ErrFormatWrong
	}
	return resource.ParseQuantity(text)
}

var hugeExponent = regexp.MustCompile(`[eE][+-]?[0-9]{3}`)
