//go:build linux

package node_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// Catches a Pod network that works in one direction or family only, replicas that share a network, and a status from
// which the Deployment controller cannot tell that a replica is available.
func TestDeploymentOfTwoReplicasAnswersOnItsPodIPs(t *testing.T) {
	namespace := newNamespace(t)
	deploy(t, namespace, "web", "v1")

	pods := podsOf(t, namespace, "web")
	require.Len(t, pods, 2)
	for i, pod := range pods {
		require.Len(t, pod.Status.PodIPs, 2)
		for _, ip := range pod.Status.PodIPs {
			require.Equal(t, pod.Name+" v1\n", ask(t, ip.IP, "/"), "from the plane to the Pod's %s", ip.IP)
			host := ip.IP
			if strings.Contains(host, ":") {
				host = "[" + host + "]"
			}
			other := pods[1-i]
			require.Equal(t, pod.Name+" v1\n", ask(t, other.Status.PodIP, "/fetch", "url", "http://"+host), "from Pod to Pod by %s", ip.IP)
		}
	}
}

// Catches a replica that is called ready before it answers, one that is stopped while it is still called ready, and a
// Pod that answers under the address of another. Clients do what Traefik does: they follow the EndpointSlices.
func TestRollingUpdateUnderLoadDropsNothing(t *testing.T) {
	namespace := newNamespace(t)
	_, err := plane.client.CoreV1().Services(namespace).Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": "web"},
			Ports:    []corev1.ServicePort{{Port: 80}},
		},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	deploy(t, namespace, "web", "v1")
	eventually(t, "both replicas in the EndpointSlice", func() bool { return len(readyAddresses(t, namespace)) == 2 })

	var answers, versions sync.Map
	var sent, failed, empty atomic.Int64
	addresses := atomic.Pointer[[]string]{}
	first := readyAddresses(t, namespace)
	addresses.Store(&first)
	ctx, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	clients.Go(func() {
		for ctx.Err() == nil {
			now := readyAddresses(t, namespace)
			if len(now) == 0 {
				empty.Add(1)
			}
			addresses.Store(&now)
			time.Sleep(20 * time.Millisecond)
		}
	})
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for range 4 {
		clients.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				targets := *addresses.Load()
				if len(targets) == 0 {
					continue
				}
				target := targets[i%len(targets)]
				sent.Add(1)
				version, err := versionAt(client, target)
				if err != nil {
					failed.Add(1)
					answers.Store(err.Error(), target)
				}
				versions.Store(version, true)
				time.Sleep(time.Millisecond)
			}
		})
	}

	deploy(t, namespace, "web", "v2")
	eventually(t, "the replicas of v1 to be gone", func() bool { return len(podsOf(t, namespace, "web")) == 2 })
	stop()
	clients.Wait()

	answers.Range(func(fault, target any) bool {
		t.Logf("%s: %s", target, fault)
		return true
	})
	t.Logf("%d requests during the update, %d failed", sent.Load(), failed.Load())
	require.Greater(t, sent.Load(), int64(100))
	require.Zero(t, failed.Load())
	require.Zero(t, empty.Load(), "moments without any ready replica")
	for _, version := range []string{"v1", "v2"} {
		_, answered := versions.Load(version)
		require.True(t, answered, "no request was answered by %s, so this was no update under load", version)
	}
}

// deploy applies a Deployment of two replicas and waits until all of them are of this version and available.
func deploy(t *testing.T, namespace, name, version string) {
	t.Helper()
	pod := serverPod(name)
	pod.Name = ""
	pod.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "VERSION", Value: version}}
	pod.Spec.Containers[0].Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: 2}}}
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To(int32(2)),
			Selector: &metav1.LabelSelector{MatchLabels: pod.Labels},
			Strategy: appsv1.DeploymentStrategy{RollingUpdate: &appsv1.RollingUpdateDeployment{
				MaxUnavailable: ptr.To(intstr.FromInt32(0)), MaxSurge: ptr.To(intstr.FromInt32(1)),
			}},
			Template: corev1.PodTemplateSpec{ObjectMeta: pod.ObjectMeta, Spec: pod.Spec},
		},
	}
	deployments := plane.client.AppsV1().Deployments(namespace)
	var err error
	if version == "v1" {
		_, err = deployments.Create(t.Context(), deployment, metav1.CreateOptions{})
	} else {
		_, err = deployments.Update(t.Context(), deployment, metav1.UpdateOptions{})
	}
	require.NoError(t, err)
	eventually(t, "two available replicas of "+version, func() bool {
		seen, err := deployments.Get(t.Context(), name, metav1.GetOptions{})
		require.NoError(t, err)
		status := seen.Status
		return status.ObservedGeneration == seen.Generation && status.UpdatedReplicas == 2 &&
			status.AvailableReplicas == 2 && status.Replicas == 2
	})
}

func podsOf(t *testing.T, namespace, app string) []corev1.Pod {
	t.Helper()
	list, err := plane.client.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "app=" + app})
	require.NoError(t, err)
	return list.Items
}

func readyAddresses(t *testing.T, namespace string) []string {
	// A background context: this is called until after the test's own has ended.
	listed, err := plane.client.DiscoveryV1().EndpointSlices(namespace).List(context.Background(), metav1.ListOptions{})
	if err != nil {
		t.Errorf("list EndpointSlices: %v", err)
		return nil
	}
	var ready []string
	for _, slice := range listed.Items {
		for _, endpoint := range slice.Endpoints {
			if ptr.Deref(endpoint.Conditions.Ready, false) {
				ready = append(ready, endpoint.Addresses[0])
			}
		}
	}
	slices.Sort(ready)
	return ready
}

func versionAt(client *http.Client, ip string) (string, error) {
	answer, err := client.Get("http://" + ip)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var name, version string
	if _, err := fmt.Fscan(answer.Body, &name, &version); err != nil {
		return "", err
	}
	return version, nil
}

func getHandler(path, port string) corev1.ProbeHandler {
	return corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromString(port)}}
}
