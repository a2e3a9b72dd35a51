//go:build linux

package node_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/modelplane/pulumi-modelplane/tests/localplane"
	"github.com/modelplane/pulumi-modelplane/tests/localplane/node"
)

// testNode is the Node that the tests' own agent is; Pods of the tests run nowhere else.
const testNode = "node-under-test"

// plane is the plane that the tests run in. It is nil outside of one, and noPlane says how to get inside.
var (
	plane   *testPlane
	noPlane error
)

type testPlane struct {
	here   localplane.Plane
	api    *rest.Config
	client kubernetes.Interface
	// dir is the agent's folder.
	dir string
}

func TestMain(m *testing.M) {
	code, err := runInPlane(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// runInPlane runs the tests with an agent of their own, in this very process, so that the race detector sees it.
// Outside of a plane it runs those that need none.
func runInPlane(m *testing.M) (int, error) {
	here, err := localplane.Here()
	if err != nil {
		noPlane = err
		return m.Run(), nil
	}
	dir, err := os.MkdirTemp("", "node-test-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	images, err := testImages(dir)
	if err != nil {
		return 0, err
	}
	plane = &testPlane{here: here, dir: filepath.Join(dir, "node")}
	if plane.api, err = clientcmd.BuildConfigFromFlags("", here.Kubeconfig()); err != nil {
		return 0, err
	}
	plane.api.QPS = -1
	if plane.client, err = kubernetes.NewForConfig(plane.api); err != nil {
		return 0, err
	}

	authority := filepath.Join(dir, "authority.pem")
	if err := writeAuthority(authority); err != nil {
		return 0, err
	}

	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- node.Run(ctx, node.Config{
			API:        plane.api,
			NodeName:   testNode,
			NodeIP:     here.First().Node,
			PodCIDR:    netip.MustParsePrefix("10.245.0.0/16"),
			PodCIDR6:   netip.MustParsePrefix("fd00:245::/64"),
			Dir:        plane.dir,
			Images:     images,
			HostsFile:  here.HostsFile(),
			NameServer: here.First().NameServer().Addr(),
			APIServer:  here.First().APIServer,
			CAFile:     authority,
		})
	}()
	code := m.Run()
	cancel()
	return code, <-ended
}

// testImages builds the tests' own image, gives it another name too, and finds Traefik, which a plane has on its PATH.
func testImages(dir string) (map[string]node.Image, error) {
	server := filepath.Join(dir, "server")
	build := exec.Command("go", "build", "-o", server, "./testdata/server")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the tests' image: %w\n%s", err, output)
	}
	traefik, err := exec.LookPath("traefik")
	if err != nil {
		return nil, err
	}
	return map[string]node.Image{
		"server": node.Program(server), "traefik": node.Program(traefik),
		"toolbox": {
			Entrypoint: []string{"/opt/tool", "--from-the-image"},
			Files:      map[string]string{"/opt/tool": server, "/share": filepath.Join("testdata", "share")},
			Writable:   []string{"/var/lib/box"},
		},
	}, nil
}

// writeAuthority writes the certificate that the servers of httptest have, which is its own authority.
func writeAuthority(name string) error {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	return os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o644)
}

// needPlane skips a test outside of a plane, and says how to get inside.
func needPlane(t *testing.T) {
	t.Helper()
	if plane == nil {
		t.Skip(noPlane)
	}
}

// newNamespace gives a test a Namespace that can run Pods, and ends it with the test.
func newNamespace(t *testing.T) string {
	t.Helper()
	needPlane(t)
	made, err := plane.client.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "node-"}}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, plane.client.CoreV1().Namespaces().Delete(context.Background(), made.Name, metav1.DeleteOptions{}))
	})
	// The controller manager makes it soon after the Namespace; Pods are refused before.
	eventually(t, "the default ServiceAccount", func() bool {
		_, err := plane.client.CoreV1().ServiceAccounts(made.Name).Get(t.Context(), "default", metav1.GetOptions{})
		return err == nil
	})
	return made.Name
}

// serverPod is a Pod of the tests' image that listens on port 80.
func serverPod(name string) *corev1.Pod {
	grace := int64(10)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": name}},
		Spec: corev1.PodSpec{
			NodeSelector:                  map[string]string{corev1.LabelHostname: testNode},
			TerminationGracePeriodSeconds: &grace,
			Containers: []corev1.Container{{
				Name:           "main",
				Image:          "registry.example/tests/server:v1",
				Ports:          []corev1.ContainerPort{{Name: "web", ContainerPort: 80}},
				ReadinessProbe: &corev1.Probe{PeriodSeconds: 1, ProbeHandler: getHandler("/", "web")},
			}},
		},
	}
}

// runPod creates a Pod and returns it once it is ready.
func runPod(t *testing.T, namespace string, pod *corev1.Pod) *corev1.Pod {
	t.Helper()
	pod, err := plane.client.CoreV1().Pods(namespace).Create(t.Context(), pod, metav1.CreateOptions{})
	require.NoError(t, err)
	return awaitPod(t, pod, "ready", isReady)
}

func awaitPod(t *testing.T, pod *corev1.Pod, what string, is func(*corev1.Pod) bool) *corev1.Pod {
	t.Helper()
	var seen *corev1.Pod
	eventually(t, fmt.Sprintf("Pod %s to be %s", pod.Name, what), func() bool {
		var err error
		seen, err = plane.client.CoreV1().Pods(pod.Namespace).Get(t.Context(), pod.Name, metav1.GetOptions{})
		require.NoError(t, err)
		return is(seen)
	})
	return seen
}

func deletePod(t *testing.T, pod *corev1.Pod) {
	t.Helper()
	require.NoError(t, plane.client.CoreV1().Pods(pod.Namespace).Delete(t.Context(), pod.Name, metav1.DeleteOptions{}))
	eventually(t, "Pod "+pod.Name+" to be gone", func() bool {
		_, err := plane.client.CoreV1().Pods(pod.Namespace).Get(t.Context(), pod.Name, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}

func isReady(pod *corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// ask sends a GET request to a Pod, at port 80 unless it is given, and returns the answer's text.
func ask(t *testing.T, ip, path string, query ...string) string {
	t.Helper()
	values := url.Values{}
	for i := 0; i < len(query); i += 2 {
		values.Set(query[i], query[i+1])
	}
	if strings.Count(ip, ":") > 1 {
		ip = "[" + ip + "]"
	}
	address := url.URL{Scheme: "http", Host: ip, Path: path, RawQuery: values.Encode()}
	answer, err := http.Get(address.String())
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode, "%s: %s", address.String(), text)
	return string(text)
}

// logOf is what a container wrote.
func logOf(t *testing.T, pod *corev1.Pod, container string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(plane.dir, fmt.Sprintf("%s_%s_%s.log", pod.Namespace, pod.Name, container)))
	require.NoError(t, err)
	return string(text)
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	const limit = 30 * time.Second
	for deadline := time.Now().Add(limit); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s", limit, what)
		}
	}
}
