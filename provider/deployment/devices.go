package deployment

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	resourcev1 "k8s.io/api/resource/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/placement"
)

// claimName is what a Pod calls its devices of device classes.
const claimName = "devices"

// limitDevices adds extended resources to what a replica may use. They are limits alone
// (https://kubernetes.io/docs/tasks/manage-gpus/scheduling-gpus/).
func limitDevices(limits corev1.ResourceList, devices []placement.DeviceRequest, faults *fault.List) corev1.ResourceList {
	added := corev1.ResourceList{}
	for i, d := range devices {
		if d.Resource == "" {
			continue
		}
		name := corev1.ResourceName(d.Resource)
		if _, given := limits[name]; given {
			faults.Add(fault.Index("devices", i)+".resource", fmt.Sprintf("%q is among resources.limits, too; write it here alone", name), "resources.limits")
		}
		total := added[name]
		total.Add(*resource.NewQuantity(int64(d.Count), resource.DecimalSI))
		added[name] = total
	}
	if len(added) == 0 {
		return limits
	}
	maps.Copy(added, limits)
	return added
}

// claims says whether devices of device classes are asked for, which Kubernetes allocates to a claim of each Pod.
func claims(devices []placement.DeviceRequest) bool {
	return slices.ContainsFunc(devices, func(d placement.DeviceRequest) bool { return d.DeviceClass != "" })
}

// claim asks for the devices of device classes (https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/).
func (p plan) claim() resourcev1.ResourceClaimTemplateSpec {
	var spec resourcev1.ResourceClaimSpec
	for i, d := range p.placing.Request.Devices {
		if d.DeviceClass == "" {
			continue
		}
		exactly := &resourcev1.ExactDeviceRequest{
			DeviceClassName: d.DeviceClass, AllocationMode: resourcev1.DeviceAllocationModeExactCount, Count: int64(d.Count),
		}
		for _, expression := range d.Selectors {
			exactly.Selectors = append(exactly.Selectors, resourcev1.DeviceSelector{CEL: &resourcev1.CELDeviceSelector{Expression: expression}})
		}
		spec.Devices.Requests = append(spec.Devices.Requests, resourcev1.DeviceRequest{Name: fmt.Sprintf("device-%d", i), Exactly: exactly})
	}
	return resourcev1.ResourceClaimTemplateSpec{Spec: spec}
}

// useClaim gives a Pod the devices of its claim.
func useClaim(pod *corev1.PodSpec, template string) {
	pod.ResourceClaims = []corev1.PodResourceClaim{{Name: claimName, ResourceClaimTemplateName: &template}}
	pod.Containers[0].Resources.Claims = []corev1.ResourceClaim{{Name: claimName}}
}
