//go:build linux

package node_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// Catches whatever keeps the toolchain's Traefik from being a Traefik in a cluster: it must read its routes with its
// ServiceAccount's token, as an unprivileged user, and reach other Pods. (Ingress is enough for that and needs no CRD.)
func TestTraefikServesRoutesThatItReadsFromTheAPIServer(t *testing.T) {
	namespace := newNamespace(t)
	backend := runPod(t, namespace, serverPod("backend"))
	_, err := plane.client.CoreV1().Services(namespace).Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "backend"},
		Spec:       corev1.ServiceSpec{Selector: backend.Labels, Ports: []corev1.ServicePort{{Port: 80}}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	pathType := networkingv1.PathTypePrefix
	_, err = plane.client.NetworkingV1().Ingresses(namespace).Create(t.Context(), &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Name: "backend"},
		Spec: networkingv1.IngressSpec{Rules: []networkingv1.IngressRule{{
			IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{
				Paths: []networkingv1.HTTPIngressPath{{
					Path: "/", PathType: &pathType,
					Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
						Name: "backend", Port: networkingv1.ServiceBackendPort{Number: 80},
					}},
				}},
			}},
		}}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	allowTraefik(t, namespace)

	traefik := runPod(t, namespace, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "traefik"},
		Spec: corev1.PodSpec{
			NodeSelector:    map[string]string{corev1.LabelHostname: testNode},
			SecurityContext: &corev1.PodSecurityContext{RunAsUser: ptr.To(int64(65532)), RunAsGroup: ptr.To(int64(65532))},
			Containers: []corev1.Container{{
				Name:  "traefik",
				Image: "docker.io/library/traefik:v3.7.13",
				Args: []string{
					"--global.checknewversion=false", "--global.sendanonymoususage=false",
					"--entrypoints.web.address=:80", "--entrypoints.ping.address=:8080", "--ping=true", "--ping.entrypoint=ping",
					"--providers.kubernetesingress=true", "--providers.kubernetesingress.namespaces=" + namespace,
				},
				Ports:          []corev1.ContainerPort{{Name: "ping", ContainerPort: 8080}},
				ReadinessProbe: &corev1.Probe{PeriodSeconds: 1, ProbeHandler: getHandler("/ping", "ping")},
			}},
		},
	})

	eventually(t, "Traefik to serve the route", func() bool {
		answer, err := http.Get("http://" + traefik.Status.PodIP)
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		return err == nil && strings.HasPrefix(string(text), "backend")
	})
}

// allowTraefik gives the namespace's default ServiceAccount what Traefik's Ingress provider reads.
func allowTraefik(t *testing.T, namespace string) {
	t.Helper()
	read := []string{"get", "list", "watch"}
	role, err := plane.client.RbacV1().ClusterRoles().Create(t.Context(), &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "node-test-traefik-"},
		Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"services", "secrets", "nodes"}, Verbs: read},
			{APIGroups: []string{"discovery.k8s.io"}, Resources: []string{"endpointslices"}, Verbs: read},
			{APIGroups: []string{"networking.k8s.io"}, Resources: []string{"ingresses", "ingressclasses"}, Verbs: read},
		},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	binding, err := plane.client.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role.Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: "default"}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, plane.client.RbacV1().ClusterRoleBindings().Delete(context.Background(), binding.Name, metav1.DeleteOptions{}))
		require.NoError(t, plane.client.RbacV1().ClusterRoles().Delete(context.Background(), role.Name, metav1.DeleteOptions{}))
	})
}
