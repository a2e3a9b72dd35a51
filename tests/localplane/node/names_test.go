//go:build linux

package node_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// Catches a Service that Pods do not find by one of the forms of its name, one that is still found when it is gone, and the
// Service of another namespace under a short name.
func TestPodFindsServicesByTheirNames(t *testing.T) {
	namespace, other := newNamespace(t), newNamespace(t)
	client := runPod(t, namespace, serverPod("client"))
	services := plane.client.CoreV1().Services(namespace)
	service, err := services.Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec:       corev1.ServiceSpec{Selector: client.Labels, Ports: []corev1.ServicePort{{Port: 80}}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	stranger := runPod(t, other, serverPod("stranger"))

	ip := client.Status.PodIP
	eventually(t, "the Service to have a name", func() bool { return status(t, ip, "/lookup?name=web") == http.StatusOK })
	for _, name := range []string{"web", "web." + namespace, "web." + namespace + ".svc", "web." + namespace + ".svc.cluster.local", "web." + namespace + ".svc.cluster.local."} {
		require.Equal(t, service.Spec.ClusterIP, ask(t, ip, "/lookup", "name", name), name)
	}
	require.Equal(t, service.Spec.ClusterIP, ask(t, stranger.Status.PodIP, "/lookup", "name", "web."+namespace))
	require.Equal(t, http.StatusNotFound, status(t, stranger.Status.PodIP, "/lookup?name=web"))
	eventually(t, "the Service to be reached by its name", func() bool {
		return status(t, ip, "/fetch?url=http://web."+namespace) == http.StatusOK
	})
	require.NoError(t, services.Delete(t.Context(), "web", metav1.DeleteOptions{}))
	eventually(t, "the name to be gone", func() bool { return status(t, ip, "/lookup?name=web") == http.StatusNotFound })
}

// Catches Pods of a StatefulSet that do not know their own name, or that others cannot reach by it: a group of Pods that
// serve one model finds its leader so.
func TestPodsOfAStatefulSetHaveNamesOfTheirOwn(t *testing.T) {
	namespace := newNamespace(t)
	labels := map[string]string{"app": "group"}
	_, err := plane.client.CoreV1().Services(namespace).Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "group"},
		Spec:       corev1.ServiceSpec{ClusterIP: corev1.ClusterIPNone, Selector: labels, PublishNotReadyAddresses: true},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	template := serverPod("")
	_, err = plane.client.AppsV1().StatefulSets(namespace).Create(t.Context(), &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: "replica"},
		Spec: appsv1.StatefulSetSpec{
			Replicas: ptr.To(int32(2)), ServiceName: "group", PodManagementPolicy: appsv1.ParallelPodManagement,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: template.Spec},
		},
	}, metav1.CreateOptions{})
	require.NoError(t, err)

	ips := map[string]string{}
	for _, name := range []string{"replica-0", "replica-1"} {
		eventually(t, name+" to be ready", func() bool {
			pod, err := plane.client.CoreV1().Pods(namespace).Get(t.Context(), name, metav1.GetOptions{})
			if err != nil || !isReady(pod) {
				return false
			}
			ips[name] = pod.Status.PodIP
			return true
		})
		require.Contains(t, ask(t, ips[name], "/"), name, "its host name")
	}
	for name, ip := range ips {
		eventually(t, name+" to be found", func() bool {
			return status(t, ips["replica-0"], "/lookup?name="+name+".group."+namespace) == http.StatusOK
		})
		require.Equal(t, ip, ask(t, ips["replica-0"], "/lookup", "name", name+".group."+namespace))
	}
}
