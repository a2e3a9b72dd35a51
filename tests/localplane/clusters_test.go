package localplane_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/tests/localplane"
	"github.com/modelplane/pulumi-modelplane/tests/localplane/internal/tools"
)

// The image that Pods of these tests run is the server of the node agent's tests.
// The plane knows it by the name of an image that every plane has.
const serverImage = "traefik"

// Three control planes are more than what a test of its own is worth, so all of
// them share one plane.
func TestWorkloadClusters(t *testing.T) {
	plane, err := localplane.Here()
	if err != nil {
		runAgain(t, []string{"MODELPLANE_TOOLS=" + toolsWithServer(t)}, "run", "--clusters", "east,west")
		return
	}
	apps := map[string]app{}
	for _, cluster := range plane.Clusters {
		apps[cluster.Name] = deploy(t, cluster)
	}
	for name, app := range apps {
		apps[name] = app.await(t)
	}
	first, east, west := apps["localplane"], apps["east"], apps["west"]

	// It would catch a cluster whose controllers, scheduler, node agent or balancer
	// work for another one, and Pods that do not reach another cluster.
	t.Run("EachRunsPodsBehindAddressesOfItsOwnThatAllReach", func(t *testing.T) {
		for _, to := range apps {
			require.True(t, to.cluster.LoadBalancers.Contains(to.address), "%s of %s", to.address, to.cluster.Name)
			require.True(t, to.cluster.Pods4.Contains(to.pod), "%s of %s", to.pod, to.cluster.Name)
			require.Equal(t, to.cluster.Name, to.get(t, "/env", "name", "VERSION"), "from the test")
			for _, from := range apps {
				require.Equal(t, to.cluster.Name, from.fetch(t, to), "from a Pod of %s", from.cluster.Name)
			}
		}
	})

	// It would catch Pods that talk to the API server of another cluster, and a
	// name that means another address there.
	t.Run("PodsFindTheirOwnClusterAndItsNames", func(t *testing.T) {
		for _, app := range apps {
			require.NoError(t, app.cluster.AddHost("self.test", app.address))
			require.Contains(t, app.get(t, "/api", "path", "/api"), `"serverAddress":"`+app.cluster.APIServer.String()+`"`)
			for _, host := range []string{app.clusterIP, "server", "server.default.svc.cluster.local"} {
				require.Equal(t, app.cluster.Name, app.get(t, "/fetch", "url", "http://"+host+"/env?name=VERSION"), host)
			}
		}
		for _, app := range apps {
			// Go's resolver, once it has been asked, reads a changed file 5 s later.
			require.Eventually(t, func() bool {
				return app.get(t, "/fetch", "url", "http://self.test/env?name=VERSION") == app.cluster.Name
			}, patience, 100*time.Millisecond, app.cluster.Name)
		}
	})

	// It would catch clusters that share an etcd, or the ranges of keys in one.
	t.Run("AnObjectOfOneIsNotInTheOthers", func(t *testing.T) {
		_, err := east.client.CoreV1().Namespaces().Create(t.Context(),
			&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "in-the-east"}}, metav1.CreateOptions{})
		require.NoError(t, err)
		exposed(t, east.client, "in-the-east", nil, netip.AddrPortFrom(east.pod, 80))
		for _, other := range []app{first, west} {
			_, err := other.client.CoreV1().Namespaces().Get(t.Context(), "in-the-east", metav1.GetOptions{})
			require.True(t, apierrors.IsNotFound(err), "%s: %v", other.cluster.Name, err)
			_, err = other.client.CoreV1().Services("default").Get(t.Context(), "in-the-east", metav1.GetOptions{})
			require.True(t, apierrors.IsNotFound(err), "%s: %v", other.cluster.Name, err)
		}
	})

	// It would catch clusters that sign with one key: their issuers are the same.
	t.Run("ATokenOfOneIsRefusedByTheOthers", func(t *testing.T) {
		token, err := east.client.CoreV1().ServiceAccounts("default").
			CreateToken(t.Context(), "default", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
		require.NoError(t, err)
		for _, at := range apps {
			config, err := clientcmd.BuildConfigFromFlags("", at.cluster.Kubeconfig())
			require.NoError(t, err)
			config = rest.AnonymousClientConfig(config)
			config.BearerToken = token.Status.Token
			client, err := kubernetes.NewForConfig(config)
			require.NoError(t, err)
			_, err = client.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{})
			if at.cluster.Name == "east" {
				require.True(t, apierrors.IsForbidden(err), "got: %v", err)
			} else {
				require.True(t, apierrors.IsUnauthorized(err), "%s: %v", at.cluster.Name, err)
			}
		}
	})

	// It would catch a cut that somebody is told of, as by a reset or an ICMP message,
	// one that cuts off more, and one that cannot be mended.
	t.Run("WhatIsSentToACutOffClusterIsLostUntilItIsReconnected", func(t *testing.T) {
		open := east.connect(t)
		require.Equal(t, "east", open.ask(t, patience))

		require.NoError(t, plane.CutOff(east.address))
		defer func() { _ = plane.Reconnect(east.address) }()
		_, err := open.try(time.Second)
		requireTimeout(t, err, "a connection that was open")
		_, err = net.DialTimeout("tcp", netip.AddrPortFrom(east.address, 80).String(), time.Second)
		requireTimeout(t, err, "a new connection")
		_, err = first.try(2*time.Second, "/fetch", "url", east.url())
		requireTimeout(t, err, "a new connection from a Pod")
		require.Equal(t, "west", first.fetch(t, west), "another cluster")

		require.NoError(t, plane.Reconnect(east.address))
		answer, err := open.read(patience)
		require.NoError(t, err)
		require.Equal(t, "east", answer, "what was sent while the cluster was cut off")
		require.Equal(t, "east", open.ask(t, patience), "the connection that was open")
		require.Equal(t, "east", east.get(t, "/env", "name", "VERSION"), "a new connection")
		require.Equal(t, "east", first.fetch(t, east), "a new connection from a Pod")
	})

	// It would catch a cluster that does not live through the loss of its API server:
	// whose Pods end, or that does not come back.
	t.Run("AClusterServesWithoutItsAPIServerAndComesBack", func(t *testing.T) {
		api := east.cluster.APIServer.Addr()
		require.NoError(t, plane.CutOff(api))
		defer func() { _ = plane.Reconnect(api) }()
		ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
		defer stop()
		_, err := east.client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, "east", first.fetch(t, east))
		_, err = west.client.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)

		require.NoError(t, plane.Reconnect(api))
		require.Equal(t, "scheduled", east.schedule(t, "after", corev1.ResourceCPU, 1)())
	})

	// It would catch devices that the scheduler does not count, and another
	// cluster that has them too.
	t.Run("DevicesAreCountedByTheScheduler", func(t *testing.T) {
		const gpu = "nvidia.com/gpu"
		require.NoError(t, east.cluster.SetDevices(t.Context(), gpu, 2))
		require.Equal(t, "scheduled", east.schedule(t, "both", gpu, 2)())
		oneMore := east.schedule(t, "one-more", gpu, 1)
		require.Contains(t, oneMore(), "Insufficient nvidia.com/gpu")
		require.Contains(t, west.schedule(t, "elsewhere", gpu, 1)(), "Insufficient nvidia.com/gpu")
		require.NoError(t, east.cluster.SetDevices(t.Context(), gpu, 3))
		require.Eventually(t, func() bool { return oneMore() == "scheduled" }, patience, 50*time.Millisecond)
	})
}

// app is one Pod of the server in a cluster, behind a load balancer.
type app struct {
	cluster   localplane.Cluster
	client    kubernetes.Interface
	clusterIP string
	// address is that of the load balancer, pod that of the Pod.
	address, pod netip.Addr
}

var labels = map[string]string{"app": "server"}

// deploy makes the Deployment and the Service of the app.
func deploy(t *testing.T, cluster localplane.Cluster) app {
	client := clientOf(t, cluster)
	_, err := client.AppsV1().Deployments("default").Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "server"},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To(int32(1)),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{
				Containers: []corev1.Container{{
					Name: "main", Image: serverImage, Env: []corev1.EnvVar{{Name: "VERSION", Value: cluster.Name}},
				}},
			}},
		},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	service, err := client.CoreV1().Services("default").Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "server"},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, Selector: labels, Ports: []corev1.ServicePort{{Port: 80}},
		},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	return app{cluster: cluster, client: client, clusterIP: service.Spec.ClusterIP}
}

// await waits until the app answers, and returns it with its addresses.
func (a app) await(t *testing.T) app {
	require.Eventually(t, func() bool {
		service, err := a.client.CoreV1().Services("default").Get(t.Context(), "server", metav1.GetOptions{})
		require.NoError(t, err)
		pods, err := a.client.CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{LabelSelector: "app=server"})
		require.NoError(t, err)
		if len(service.Status.LoadBalancer.Ingress) == 0 || len(pods.Items) == 0 || pods.Items[0].Status.PodIP == "" {
			return false
		}
		a.address = netip.MustParseAddr(service.Status.LoadBalancer.Ingress[0].IP)
		a.pod = netip.MustParseAddr(pods.Items[0].Status.PodIP)
		_, err = a.try(time.Second, "/")
		return err == nil
	}, patience, 50*time.Millisecond, "the app on %s", a.cluster.Name)
	return a
}

// url is what the app answers with the name of its cluster.
func (a app) url() string { return "http://" + a.address.String() + "/env?name=VERSION" }

// try asks the app at its load balancer's address.
func (a app) try(timeout time.Duration, path string, query ...string) (string, error) {
	values := url.Values{}
	for i := 0; i < len(query); i += 2 {
		values.Set(query[i], query[i+1])
	}
	client := http.Client{Timeout: timeout, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get("http://" + a.address.String() + path + "?" + values.Encode())
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return string(text), err
}

func (a app) get(t *testing.T, path string, query ...string) string {
	answer, err := a.try(patience, path, query...)
	require.NoError(t, err)
	return answer
}

// fetch is what a Pod of the app gets from another app.
func (a app) fetch(t *testing.T, from app) string { return a.get(t, "/fetch", "url", from.url()) }

// connection is one connection to an app. It is not mended.
type connection struct{ net.Conn }

func (a app) connect(t *testing.T) connection {
	c, err := net.DialTimeout("tcp", netip.AddrPortFrom(a.address, 80).String(), patience)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return connection{c}
}

func (c connection) ask(t *testing.T, timeout time.Duration) string {
	answer, err := c.try(timeout)
	require.NoError(t, err)
	return answer
}

func (c connection) try(timeout time.Duration) (string, error) {
	if _, err := io.WriteString(c, "GET /env?name=VERSION HTTP/1.1\r\nHost: test\r\n\r\n"); err != nil {
		return "", err
	}
	return c.read(timeout)
}

// read reads one answer, whose body is short enough to come with its header.
func (c connection) read(timeout time.Duration) (string, error) {
	answer := make([]byte, 4096)
	if err := c.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return "", err
	}
	n, err := c.Read(answer)
	_, body, _ := strings.Cut(string(answer[:n]), "\r\n\r\n")
	return body, err
}

// requireTimeout is for what nothing has answered.
func requireTimeout(t *testing.T, err error, what string) {
	var failed net.Error
	require.ErrorAs(t, err, &failed, what)
	require.True(t, failed.Timeout(), "%s: %s", what, err)
}

// schedule makes a Pod that needs count of a resource. The result says what the scheduler
// has last said of it.
func (a app) schedule(t *testing.T, name string, resource corev1.ResourceName, count int64) func() string {
	pods, quantity := a.client.CoreV1().Pods("default"), apiresource.MustParse(fmt.Sprint(count))
	_, err := pods.Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "main", Image: serverImage,
			Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{resource: quantity}},
		}}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	return func() (said string) {
		require.Eventually(t, func() bool {
			pod, err := pods.Get(t.Context(), name, metav1.GetOptions{})
			require.NoError(t, err)
			for _, condition := range pod.Status.Conditions {
				if condition.Type == corev1.PodScheduled {
					said = cmp.Or(condition.Message, "scheduled")
				}
			}
			return said != ""
		}, patience, 50*time.Millisecond)
		return said
	}
}

// toolsWithServer is a folder with the tools, and the server of the node agent's tests as serverImage.
func toolsWithServer(t *testing.T) string {
	built, err := tools.Folder()
	require.NoError(t, err)
	folder := t.TempDir()
	entries, err := os.ReadDir(built)
	require.NoError(t, err)
	for _, entry := range entries {
		if entry.Name() != serverImage {
			require.NoError(t, os.Symlink(filepath.Join(built, entry.Name()), filepath.Join(folder, entry.Name())))
		}
	}
	build := exec.Command("go", "build", "-o", filepath.Join(folder, serverImage), "./node/testdata/server")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)
	return folder
}
