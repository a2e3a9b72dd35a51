package deployment

import (
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
)

const (
	// engineName is the name of the engine's container.
	engineName = "engine"
	// portName is the name of its port.
	portName = "http"
	// grace is how long, in seconds, a replica may take to finish the answers that it has begun.
	grace = 600
	// leaving is how long, in seconds, a replica goes on serving after it was told to end: Envoy needs to learn that it is going.
	leaving = 5
	// probePeriod is how often, in seconds, a replica is asked whether it is ready.
	probePeriod = 5
)

// serving are the labels of the Pods that serve requests: those of a Deployment, and the leaders of a LeaderWorkerSet.
func (p plan) serving() map[string]string {
	return map[string]string{kube.NameLabel: p.name, kube.ComponentLabel: Kind}
}

// deployment never has fewer replicas ready than asked for, in an update either. Claim is the template of their claims of devices; empty
// if there is none.
func (p plan) deployment(replicas int, claim string) appsv1.DeploymentSpec {
	return appsv1.DeploymentSpec{
		Replicas: ptr.To(int32(replicas)),
		Selector: &metav1.LabelSelector{MatchLabels: p.serving()},
		Strategy: appsv1.DeploymentStrategy{
			Type: appsv1.RollingUpdateDeploymentStrategyType,
			RollingUpdate: &appsv1.RollingUpdateDeployment{
				MaxUnavailable: ptr.To(intstr.FromInt32(0)), MaxSurge: ptr.To(intstr.FromInt32(1)),
			},
		},
		ProgressDeadlineSeconds: ptr.To(int32(p.startup.Seconds()) + grace),
		Template:                p.template(claim),
	}
}

// template is the Pod of one replica, or of its leader.
func (p plan) template(claim string) corev1.PodTemplateSpec {
	return p.podTemplate(claim, p.serving(), p.container(), p.volumes())
}

// podTemplate is a Pod with these labels and volumes that runs the engine's container.
func (p plan) podTemplate(claim string, labels map[string]string, container corev1.Container, volumes []corev1.Volume) corev1.PodTemplateSpec {
	for key, value := range p.labels {
		if _, ours := labels[key]; !ours {
			labels[key] = value
		}
	}
	template := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels},
		Spec: corev1.PodSpec{
			Containers:                    []corev1.Container{container},
			Volumes:                       volumes,
			NodeSelector:                  p.nodeSelector,
			Affinity:                      p.affinity,
			Tolerations:                   p.tolerations,
			TerminationGracePeriodSeconds: ptr.To(int64(grace + leaving)),
			EnableServiceLinks:            ptr.To(false),
		},
	}
	if claim != "" {
		useClaim(&template.Spec, claim)
	}
	merged, _ := merge(template, p.merged) // decide has refused what cannot be merged
	return merged
}

func (p plan) container() corev1.Container {
	container := corev1.Container{
		Name: engineName, Image: p.engine.image, Command: p.engine.command, Args: p.engine.args,
		Ports:     []corev1.ContainerPort{{Name: portName, ContainerPort: p.engine.port, Protocol: corev1.ProtocolTCP}},
		EnvFrom:   p.envFrom,
		Resources: p.resources,
		// Loading the weights takes up to an hour. Until then only this probe counts.
		StartupProbe:   p.probe(probePeriod, int32(p.startup.Seconds())/probePeriod),
		ReadinessProbe: p.probe(probePeriod, 2),
		LivenessProbe:  p.probe(2*probePeriod, 6),
		Lifecycle:      &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: leaving}}},
		VolumeMounts:   []corev1.VolumeMount{{Name: "shared-memory", MountPath: "/dev/shm"}},
	}
	for _, name := range slices.Sorted(maps.Keys(p.env)) {
		container.Env = append(container.Env, corev1.EnvVar{Name: name, Value: p.env[name]})
	}
	if p.source.scheme == image || p.source.scheme == claim {
		container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{Name: "model", MountPath: modelsDir, ReadOnly: true})
	}
	return container
}

func (p plan) probe(period, failures int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
			Path: p.healthPath, Port: intstr.FromString(portName), Scheme: corev1.URISchemeHTTP,
		}},
		PeriodSeconds: period, TimeoutSeconds: period, SuccessThreshold: 1, FailureThreshold: max(failures, 1),
	}
}

func (p plan) volumes() []corev1.Volume {
	volumes := []corev1.Volume{p.memory("shared-memory")}
	switch p.source.scheme {
	case image:
		volumes = append(volumes, corev1.Volume{Name: "model", VolumeSource: corev1.VolumeSource{
			Image: &corev1.ImageVolumeSource{Reference: p.source.reference},
		}})
	case claim:
		volumes = append(volumes, corev1.Volume{Name: "model", VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: p.source.claimName(), ReadOnly: true},
		}})
	}
	return volumes
}

// memory is the volume for /dev/shm.
func (p plan) memory(name string) corev1.Volume {
	memory := &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory}
	if p.sharedMemory != "" {
		memory.SizeLimit = ptr.To(resource.MustParse(p.sharedMemory))
	}
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{EmptyDir: memory}}
}

func (p plan) service() corev1.ServiceSpec {
	return corev1.ServiceSpec{
		Type:     corev1.ServiceTypeClusterIP,
		Selector: p.serving(),
		Ports: []corev1.ServicePort{{
			Name: portName, Port: servicePort, TargetPort: intstr.FromString(portName), Protocol: corev1.ProtocolTCP,
			AppProtocol: ptr.To("http"),
		}},
	}
}

// servicePort is the port of a deployment's Service.
const servicePort = 80

// budget lets no more than one replica at a time be evicted. A replica of several Pods ends with any of them, so workers count, too: until
// the replica is ready again, no Pod of another one is evicted.
func (p plan) budget() policyv1.PodDisruptionBudgetSpec {
	return policyv1.PodDisruptionBudgetSpec{
		MaxUnavailable: ptr.To(intstr.FromInt32(1)),
		Selector: &metav1.LabelSelector{
			MatchLabels: map[string]string{kube.NameLabel: p.name},
			MatchExpressions: []metav1.LabelSelectorRequirement{{
				Key: kube.ComponentLabel, Operator: metav1.LabelSelectorOpIn, Values: []string{Kind, workerComponent},
			}},
		},
	}
}

// route leads the deployment's path on the cluster's gateway to its replicas. Envoy ends an answer after 15 seconds unless it is
// told otherwise, and a streamed one takes longer.
func (p plan) route(gateway gatewayv1.ParentReference, service string) gatewayv1.HTTPRouteSpec {
	return gatewayv1.HTTPRouteSpec{
		CommonRouteSpec: gatewayv1.CommonRouteSpec{ParentRefs: []gatewayv1.ParentReference{gateway}},
		Rules: []gatewayv1.HTTPRouteRule{{
			Matches: []gatewayv1.HTTPRouteMatch{{Path: &gatewayv1.HTTPPathMatch{
				Type: ptr.To(gatewayv1.PathMatchPathPrefix), Value: ptr.To(p.path()),
			}}},
			Filters: []gatewayv1.HTTPRouteFilter{{
				Type: gatewayv1.HTTPRouteFilterURLRewrite,
				URLRewrite: &gatewayv1.HTTPURLRewriteFilter{Path: &gatewayv1.HTTPPathModifier{
					Type: gatewayv1.PrefixMatchHTTPPathModifier, ReplacePrefixMatch: ptr.To("/"),
				}},
			}},
			Timeouts: &gatewayv1.HTTPRouteTimeouts{Request: ptr.To(gatewayv1.Duration("0s"))},
			BackendRefs: []gatewayv1.HTTPBackendRef{{BackendRef: gatewayv1.BackendRef{
				BackendObjectReference: gatewayv1.BackendObjectReference{
					Group: ptr.To(gatewayv1.Group("")), Kind: ptr.To(gatewayv1.Kind("Service")),
					Name: gatewayv1.ObjectName(service), Port: ptr.To(gatewayv1.PortNumber(servicePort)),
				},
				Weight: ptr.To(int32(1)),
			}}},
		}},
	}
}

// url is the model's base URL on a cluster, given that of the cluster's gateway.
func (p plan) url(gateway string) string { return gateway + p.path() + p.basePath }

// path is the deployment's path on each cluster's gateway.
func (p plan) path() string { return "/" + p.namespace + "/" + p.name }
