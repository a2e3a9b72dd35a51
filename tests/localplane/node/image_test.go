//go:build linux

package node_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// Catches an image that can only be one program by its own name, a user who cannot write where the image lets them, and
// one who can write elsewhere.
func TestImageBringsItsCommandItsFilesAndItsWritableFolders(t *testing.T) {
	namespace := newNamespace(t)
	pod := serverPod("boxed")
	pod.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsUser: ptr.To(int64(65532))}
	pod.Spec.Containers[0].Image = "registry.example/tests/toolbox:v1"
	pod.Spec.Containers[0].Args = []string{"--from-the-pod"}
	pod = runPod(t, namespace, pod)

	require.Contains(t, logOf(t, pod, "main"), `["/opt/tool" "--from-the-image" "--from-the-pod"]`)
	require.Equal(t, "came with the image\n", ask(t, pod.Status.PodIP, "/file", "name", "/share/note"))
	require.Equal(t, http.StatusOK, write(t, pod.Status.PodIP, "/var/lib/box/cache"))
	require.Equal(t, http.StatusOK, write(t, pod.Status.PodIP, "/tmp/file"))
	if ownsAllUsers(t) {
		require.Equal(t, http.StatusForbidden, write(t, pod.Status.PodIP, "/var/lib/other"))
	}
}

// Catches a container that sees the processes of others, a /dev/shm that is missing or that containers of one Pod do not
// share, one that other Pods see, and a program that cannot write to its output by name.
func TestContainersHaveProcessesOfTheirOwnAndShareTheirPodsMemory(t *testing.T) {
	namespace := newNamespace(t)
	pod := serverPod("pair")
	second := pod.Spec.Containers[0]
	second.Name, second.Env = "second", []corev1.EnvVar{{Name: "PORT", Value: "81"}}
	second.Ports, second.ReadinessProbe = nil, nil
	pod.Spec.Containers = append(pod.Spec.Containers, second)
	pod = runPod(t, namespace, pod)
	other := runPod(t, namespace, serverPod("other"))

	require.Equal(t, http.StatusOK, write(t, pod.Status.PodIP, "/dev/stdout"))
	eventually(t, "what it wrote to /dev/stdout", func() bool { return strings.HasSuffix(logOf(t, pod, "main"), "written") })
	require.Equal(t, "1", ask(t, pod.Status.PodIP, "/pid"))
	require.Equal(t, "1", ask(t, pod.Status.PodIP+":81", "/pid"))
	require.Contains(t, ask(t, pod.Status.PodIP, "/file", "name", "/proc/1/cmdline"), "server")
	require.Equal(t, http.StatusOK, write(t, pod.Status.PodIP, "/dev/shm/tensor"))
	require.Equal(t, "written", ask(t, pod.Status.PodIP+":81", "/file", "name", "/dev/shm/tensor"))
	require.Equal(t, http.StatusNotFound, status(t, other.Status.PodIP, "/file?name=/dev/shm/tensor"))
}

// write has a Pod's server write a file, and returns the status of its answer.
func write(t *testing.T, ip, file string) int {
	t.Helper()
	answer, err := http.PostForm("http://"+ip+"/file", url.Values{"name": {file}, "text": {"written"}})
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	return answer.StatusCode
}

func status(t *testing.T, ip, path string) int {
	t.Helper()
	answer, err := http.Get("http://" + ip + path)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	return answer.StatusCode
}
