package placement

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
)

// Device is a kind of device that each node of a pool has. A device that is offered both as an extended resource and through a
// device class is written once, as models ask for it.
type Device struct {
	// Resource is the extended resource that counts the devices, such as nvidia.com/gpu. Give either this or deviceClass.
	Resource string `pulumi:"resource,optional" json:"resource,omitempty"`
	// DeviceClass is the DeviceClass of dynamic resource allocation (DRA) that the devices are of.
	DeviceClass string `pulumi:"deviceClass,optional" json:"deviceClass,omitempty"`
	// Count is how many devices each node has: 1 to 1,000,000.
	Count int `pulumi:"count" json:"count"`
	// Memory is what each device has of its own, as a quantity of Kubernetes, such as 80Gi. Default: not known, so that a request
	// with minMemory does not use the pool.
	Memory string `pulumi:"memory,optional" json:"memory,omitempty"`
	// Type is the devices' model, such as H100, with the syntax of a label's value. Default: not known, so that a request with a
	// type does not use the pool.
	Type string `pulumi:"type,optional" json:"type,omitempty"`
}

// DeviceRequest is what a replica needs on each of its nodes.
type DeviceRequest struct {
	// Resource is an extended resource, such as nvidia.com/gpu. Give either this or deviceClass.
	Resource string `pulumi:"resource,optional" json:"resource,omitempty"`
	// DeviceClass is a DeviceClass of dynamic resource allocation (DRA).
	DeviceClass string `pulumi:"deviceClass,optional" json:"deviceClass,omitempty"`
	// Count is how many devices are needed on each node: 1 to 1,000,000.
	Count int `pulumi:"count" json:"count"`
	// MinMemory is what each device must have of its own at least, as a quantity of Kubernetes, such as 80Gi. Default: any.
	MinMemory string `pulumi:"minMemory,optional" json:"minMemory,omitempty"`
	// Type is the model that the devices must be, such as H100, written as the pools write it. Default: any.
	Type string `pulumi:"type,optional" json:"type,omitempty"`
	// Selectors are CEL expressions for devices of the class, as in a ResourceClaim, which they are passed on to. Placement does not
	// evaluate them: it counts the devices of the class that the pools declare. Default: none.
	Selectors []string `pulumi:"selectors,optional" json:"selectors,omitempty"`
}

// name is what the devices are counted by. A resource has a slash, and a class has none, so the two are never mixed up.
func (d Device) name() string        { return cmp.Or(d.Resource, d.DeviceClass) }
func (d DeviceRequest) name() string { return cmp.Or(d.Resource, d.DeviceClass) }

func (d Device) check(path string, faults *fault.List) {
	checkKind(path, d.Resource, d.DeviceClass, faults)
	checkCount(path+".count", d.Count, 1, maxCount, "how many devices each node has", faults)
	checkMemory(path+".memory", d.Memory, faults)
	checkLabelValue(path+".type", d.Type, faults)
}

func (d DeviceRequest) check(path string, faults *fault.List) {
	checkKind(path, d.Resource, d.DeviceClass, faults)
	checkCount(path+".count", d.Count, 1, maxCount, "how many devices a replica needs on each node", faults)
	checkMemory(path+".minMemory", d.MinMemory, faults)
	checkLabelValue(path+".type", d.Type, faults)
	if len(d.Selectors) > 0 && d.DeviceClass == "" {
		faults.Add(path+".selectors", "is given, but only devices of a class are selected; write deviceClass, or leave it out",
			path+".deviceClass")
	}
}

func checkKind(path, resource, class string, faults *fault.List) {
	switch {
	case resource != "" && class != "":
		faults.Add(path+".deviceClass", "is given beside resource; a device is counted by one or the other", path+".resource")
	case resource == "" && class == "":
		faults.Add(path+".resource", "is required, unless deviceClass is given: an extended resource, such as nvidia.com/gpu",
			path+".deviceClass")
	case resource != "":
		faults.AddErr(path+".resource", extendedResource(resource))
	default:
		faults.AddErr(path+".deviceClass", names.Existing(class))
	}
}

// extendedResource refuses what is not the name of an extended resource, by the rules of Kubernetes
// (https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/apis/core/v1/helper/helpers.go#L39).
func extendedResource(name string) error {
	native := !strings.Contains(name, "/") || strings.Contains(name, corev1.ResourceDefaultNamespacePrefix)
	quota := corev1.DefaultResourceRequestsPrefix + name
	if native || strings.HasPrefix(name, corev1.DefaultResourceRequestsPrefix) || len(validation.IsQualifiedName(quota)) > 0 {
		return fmt.Errorf("%q is not the name of an extended resource; write its domain, a slash and its name, such as nvidia.com/gpu",
			name)
	}
	return nil
}

func checkMemory(path, text string, faults *fault.List) {
	if text != "" {
		_, err := parseMemory(text)
		faults.AddErr(path, err)
	}
}

// plain are the quantities without an exponent, by which a few characters become a number that takes minutes to work out.
var plain = regexp.MustCompile(`^[0-9]{1,18}(\.[0-9]{1,9})?([kMGTP]|[KMGTP]i)?$`)

// smallest is less memory than any device has. It finds a unit that was forgotten.
var smallest = resource.MustParse("1Mi")

func parseMemory(text string) (resource.Quantity, error) {
	if !plain.MatchString(text) {
		return resource.Quantity{}, fmt.Errorf("%q is not a quantity of memory; write a number with a unit, such as 80Gi", text)
	}
	quantity, err := resource.ParseQuantity(text)
	switch {
	case err != nil:
		return quantity, fmt.Errorf("%q is not a quantity of memory (%w); write a number with a unit, such as 80Gi", text, err)
	case quantity.Cmp(smallest) < 0:
		return quantity, errors.New(text + " is less than 1Mi, which no device has; write a number with a unit, such as 80Gi")
	}
	return quantity, nil
}
