//go:build linux

package node_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	nodeutil "k8s.io/component-helpers/node/util"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/tests/localplane"
)

// Catches a volume at a wrong path or with wrong content, a variable that is not resolved, and a ConfigMap whose
// change never reaches its Pod.
func TestContainerSeesWhatItsVolumesAndVariablesReferTo(t *testing.T) {
	namespace := newNamespace(t)
	configMaps := plane.client.CoreV1().ConfigMaps(namespace)
	settings, err := configMaps.Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "settings"},
		Data:       map[string]string{"color": "red", "size": "big"},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = plane.client.CoreV1().Secrets(namespace).Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "keys"},
		Data:       map[string][]byte{"key": []byte("hunter2")},
	}, metav1.CreateOptions{})
	require.NoError(t, err)

	pod := serverPod("seer")
	pod.Labels["app.kubernetes.io/name"] = "seer.example"
	pod.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsUser: ptr.To(int64(65532)), FSGroup: ptr.To(int64(65532))}
	pod.Spec.Volumes = []corev1.Volume{
		{Name: "all", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}}}},
		{Name: "some", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: "settings"},
			Items:                []corev1.KeyToPath{{Key: "color", Path: "deep/down"}},
		}}},
		{Name: "keys", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "keys", DefaultMode: ptr.To(int32(0o400))}}},
		{Name: "none", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "absent", Optional: ptr.To(true)}}},
		{Name: "self", VolumeSource: corev1.VolumeSource{DownwardAPI: &corev1.DownwardAPIVolumeSource{Items: []corev1.DownwardAPIVolumeFile{
			{Path: "labels", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.labels"}},
		}}}},
	}
	main := &pod.Spec.Containers[0]
	main.VolumeMounts = []corev1.VolumeMount{
		{Name: "all", MountPath: "/etc/settings"},
		{Name: "all", MountPath: "/etc/size.txt", SubPath: "size"},
		{Name: "some", MountPath: "/etc/some"},
		{Name: "keys", MountPath: "/etc/keys"},
		{Name: "none", MountPath: "/etc/none"},
		{Name: "self", MountPath: "/etc/self"},
	}
	main.Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1536Mi")}
	field := func(path string) *corev1.EnvVarSource {
		return &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}
	}
	main.Env = []corev1.EnvVar{
		{Name: "NAME", ValueFrom: field("metadata.name")},
		{Name: "LABEL", ValueFrom: field("metadata.labels['app.kubernetes.io/name']")},
		{Name: "IP", ValueFrom: field("status.podIP")},
		{Name: "COLOR", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}, Key: "color",
		}}},
		{Name: "KEY", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: "keys"}, Key: "key",
		}}},
		{Name: "MEMORY", ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{
			Resource: "limits.memory", Divisor: resource.MustParse("1Mi"),
		}}},
		{Name: "MIXED", Value: "$(COLOR) $$(COLOR) $(ABSENT) $(NAME)"},
	}
	main.EnvFrom = []corev1.EnvFromSource{{Prefix: "S_", ConfigMapRef: &corev1.ConfigMapEnvSource{
		LocalObjectReference: corev1.LocalObjectReference{Name: "settings"},
	}}}
	main.Args = []string{"--name=$(NAME)"}
	pod = runPod(t, namespace, pod)
	ip := pod.Status.PodIP

	for name, want := range map[string]string{
		"NAME": "seer", "LABEL": "seer.example", "IP": ip, "COLOR": "red", "KEY": "hunter2", "MEMORY": "1536",
		"MIXED": "red $(COLOR) $(ABSENT) seer", "S_size": "big",
		"KUBERNETES_SERVICE_HOST": plane.here.First().APIServer.Addr().String(),
	} {
		require.Equal(t, want, ask(t, ip, "/env", "name", name), "variable %s", name)
	}
	for name, want := range map[string]string{
		"/etc/settings/color": "red", "/etc/settings/size": "big", "/etc/size.txt": "big", "/etc/some/deep/down": "red",
		"/etc/keys/key":    "hunter2",
		"/etc/self/labels": "app=\"seer\"\napp.kubernetes.io/name=\"seer.example\"\n",
	} {
		require.Equal(t, want, ask(t, ip, "/file", "name", name), "file %s", name)
	}
	require.Contains(t, logOf(t, pod, "main"), `["server" "--name=seer"]`)
	if os.Getuid() == 0 && ownsAllUsers(t) {
		require.Contains(t, logOf(t, pod, "main"), "serves as uid 65532")
	}

	settings.Data = map[string]string{"color": "blue", "size": "small"}
	_, err = configMaps.Update(t.Context(), settings, metav1.UpdateOptions{})
	require.NoError(t, err)
	eventually(t, "the changed ConfigMap in its volume", func() bool {
		return ask(t, ip, "/file", "name", "/etc/settings/color") == "blue"
	})
	require.Equal(t, "big", ask(t, ip, "/file", "name", "/etc/size.txt"), "a subPath stays as it was, as in any cluster")
}

// Catches a token that the API server does not know, and one with more rights than the Pod's ServiceAccount has.
func TestPodReachesTheAPIServerWithTheRightsOfItsServiceAccount(t *testing.T) {
	namespace := newNamespace(t)
	_, err := plane.client.RbacV1().Roles(namespace).Create(t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "reader"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"list"}}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = plane.client.RbacV1().RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "reader"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "reader"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: "default"}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	pod := runPod(t, namespace, serverPod("caller"))

	list := func(what string) int {
		answer := ask(t, pod.Status.PodIP, "/api", "path", "/api/v1/namespaces/"+namespace+"/"+what)
		var status struct{ Code int }
		require.NoError(t, json.Unmarshal([]byte(answer), &status), answer)
		return status.Code
	}
	require.Zero(t, list("pods"), "an answer that is a list has no code")
	require.Equal(t, 403, list("secrets"))
}

// Catches a hosts file that a running Pod sees as it once was, and a test's authority that Pods do not trust.
func TestPodReachesAServerByANewNameAndTrustsTheExtraAuthority(t *testing.T) {
	namespace := newNamespace(t)
	pod := runPod(t, namespace, serverPod("client"))

	address := localplane.Free4.Addr().Next()
	require.NoError(t, plane.here.AddAddress(address))
	listener, err := net.Listen("tcp", netip.AddrPortFrom(address, 443).String())
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "trusted")
	}))
	server.Listener.Close()
	server.Listener = listener
	server.StartTLS()
	defer server.Close()
	// The certificate of httptest is made out to this name.
	require.NoError(t, plane.here.AddHost("example.com", address))

	require.Equal(t, "trusted", ask(t, pod.Status.PodIP, "/fetch", "url", "https://example.com"))
}

// Catches an image that is taken for another, and a Pod that waits for one without a word.
func TestUnknownImageStaysPendingAndSaysWhichAreKnown(t *testing.T) {
	namespace := newNamespace(t)
	pod := serverPod("stranger")
	pod.Spec.Containers[0].Image = "registry.example/server/nginx:1.2@sha256:" + strings.Repeat("0", 64)
	stays(t, namespace, pod, "ErrImagePull", "runs server, toolbox, traefik")
}

// Catches a probe that is silently not run, and thus a Pod that is ready when it is not.
func TestUnsupportedProbeStaysPendingAndSaysWhatWouldDo(t *testing.T) {
	namespace := newNamespace(t)
	pod := serverPod("prober")
	pod.Spec.Containers[0].ReadinessProbe.ProbeHandler = corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"true"}}}
	stays(t, namespace, pod, "CreateContainerConfigError", "use httpGet or tcpSocket")
}

// stays creates a Pod that cannot start and looks for the reason in its status and in an event.
func stays(t *testing.T, namespace string, pod *corev1.Pod, reason, message string) {
	t.Helper()
	pod, err := plane.client.CoreV1().Pods(namespace).Create(t.Context(), pod, metav1.CreateOptions{})
	require.NoError(t, err)
	pod = awaitPod(t, pod, "waiting for a reason", func(pod *corev1.Pod) bool {
		return len(pod.Status.ContainerStatuses) == 1 && pod.Status.ContainerStatuses[0].State.Waiting.Reason == reason
	})
	require.Equal(t, corev1.PodPending, pod.Status.Phase)
	require.Contains(t, pod.Status.ContainerStatuses[0].State.Waiting.Message, message)
	require.Contains(t, eventOf(t, pod, "Failed"), message)
	deletePod(t, pod)
}

// Catches init containers that run late or not at all, and a failed one that is not tried again.
func TestInitContainersSucceedBeforeTheOthersStart(t *testing.T) {
	namespace := newNamespace(t)
	pod := serverPod("patient")
	pod.Spec.InitContainers = []corev1.Container{
		{Name: "first", Image: "server", Args: []string{"exit", "0"}},
		{Name: "second", Image: "server", Args: []string{"exit", "3"}},
	}
	pod, err := plane.client.CoreV1().Pods(namespace).Create(t.Context(), pod, metav1.CreateOptions{})
	require.NoError(t, err)
	pod = awaitPod(t, pod, "restarted in its second container", func(pod *corev1.Pod) bool {
		return len(pod.Status.InitContainerStatuses) == 2 && pod.Status.InitContainerStatuses[1].RestartCount >= 2
	})
	require.Equal(t, corev1.PodPending, pod.Status.Phase)
	require.Equal(t, int32(0), pod.Status.InitContainerStatuses[0].RestartCount)
	require.Equal(t, int32(0), pod.Status.InitContainerStatuses[0].State.Terminated.ExitCode)
	require.Equal(t, int32(3), pod.Status.InitContainerStatuses[1].LastTerminationState.Terminated.ExitCode)
	require.Equal(t, "ContainerCreating", pod.Status.ContainerStatuses[0].State.Waiting.Reason)
}

// Catches a liveness probe that does not restart its container, a restart that the status does not count, and an
// emptyDir that does not outlive its container.
func TestSickContainerIsRestarted(t *testing.T) {
	namespace := newNamespace(t)
	pod := serverPod("patient")
	pod.Spec.Volumes = []corev1.Volume{{Name: "scratch", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
	main := &pod.Spec.Containers[0]
	main.VolumeMounts = []corev1.VolumeMount{{Name: "scratch", MountPath: "/scratch"}}
	main.LivenessProbe = &corev1.Probe{
		InitialDelaySeconds: 1, PeriodSeconds: 1, FailureThreshold: 1, ProbeHandler: getHandler("/sick-once", "web"),
	}
	pod = runPod(t, namespace, pod)
	pod = awaitPod(t, pod, "restarted and ready", func(pod *corev1.Pod) bool {
		return pod.Status.ContainerStatuses[0].RestartCount == 1 && isReady(pod)
	})
	require.Equal(t, 2, strings.Count(logOf(t, pod, "main"), "serves as uid"))
	require.Contains(t, eventOf(t, pod, "Killing"), "liveness probe")
}

// Catches a Pod whose end is not reported: a Job would never complete.
func TestPodThatEndsSaysHow(t *testing.T) {
	namespace := newNamespace(t)
	for code, phase := range map[string]corev1.PodPhase{"0": corev1.PodSucceeded, "7": corev1.PodFailed} {
		pod := serverPod("ends-with-" + code)
		pod.Spec.RestartPolicy = corev1.RestartPolicyNever
		pod.Spec.Containers[0].Args = []string{"exit", code}
		pod, err := plane.client.CoreV1().Pods(namespace).Create(t.Context(), pod, metav1.CreateOptions{})
		require.NoError(t, err)
		awaitPod(t, pod, string(phase), func(pod *corev1.Pod) bool { return pod.Status.Phase == phase })
		deletePod(t, pod)
	}
}

// Catches a container that is killed instead of asked, a hook that is not called or called late, a Pod that outlives
// its containers until its grace period is over, and one that is called ready while it ends.
func TestGracefulEndCallsPreStopThenTerminates(t *testing.T) {
	namespace := newNamespace(t)
	pod := serverPod("leaver")
	pod.Spec.TerminationGracePeriodSeconds = ptr.To(int64(60))
	pod.Spec.Containers[0].Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{
		HTTPGet: getHandler("/stopping", "web").HTTPGet,
	}}
	pod = runPod(t, namespace, pod)
	began := time.Now()
	deletePod(t, pod)
	require.Less(t, time.Since(began), 10*time.Second)

	lines := strings.Split(strings.TrimSpace(logOf(t, pod, "main")), "\n")
	require.Len(t, lines, 3)
	require.Contains(t, lines[1], "preStop")
	require.Contains(t, lines[2], "SIGTERM")
}

// Catches what would pile up over a day of rollouts: devices, routes, mounts and folders of Pods long gone.
func TestDeletedPodLeavesOnlyItsLog(t *testing.T) {
	namespace := newNamespace(t)
	pod := runPod(t, namespace, serverPod("guest"))
	uid := string(pod.UID)
	device := deviceTo(t, pod.Status.PodIP)
	require.NotEqual(t, "lo", device)
	require.Equal(t, device, deviceTo(t, pod.Status.PodIPs[1].IP))
	require.True(t, isMounted(t, uid))
	deletePod(t, pod)

	for _, ip := range pod.Status.PodIPs {
		require.Empty(t, deviceTo(t, ip.IP))
	}
	_, err := netlink.LinkByName(device)
	require.ErrorAs(t, err, &netlink.LinkNotFoundError{})
	require.NoDirExists(t, filepath.Join(plane.dir, "pods", uid))
	// The thread that held the Pod's mounts ends a moment after the Pod.
	eventually(t, "the Pod's mounts to be gone", func() bool { return !isMounted(t, uid) })
	require.Contains(t, logOf(t, pod, "main"), "SIGTERM")
}

// Catches a Node that the control plane takes for dead: its Pods would be evicted after a while.
func TestNodeIsReadyWithoutTaints(t *testing.T) {
	newNamespace(t)
	eventually(t, "a Lease of the Node", func() bool {
		lease, err := plane.client.CoordinationV1().Leases(corev1.NamespaceNodeLease).Get(t.Context(), testNode, metav1.GetOptions{})
		return err == nil && time.Since(lease.Spec.RenewTime.Time) < 20*time.Second
	})
	node, err := plane.client.CoreV1().Nodes().Get(t.Context(), testNode, metav1.GetOptions{})
	require.NoError(t, err)
	require.Empty(t, node.Spec.Taints)
	require.Equal(t, corev1.NodeReady, node.Status.Conditions[0].Type)
	require.Equal(t, corev1.ConditionTrue, node.Status.Conditions[0].Status)
}

// Catches a Node that takes no Pods any more after its API server was away for a minute: the control plane has taken it for dead by then.
func TestNodeThatWasTakenForDeadIsReadyAgain(t *testing.T) {
	newNamespace(t)
	patch := `{"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}`
	_, err := plane.client.CoreV1().Nodes().Patch(t.Context(), testNode, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}, "status")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		node, err := plane.client.CoreV1().Nodes().Get(t.Context(), testNode, metav1.GetOptions{})
		if err != nil {
			return false
		}
		_, ready := nodeutil.GetNodeCondition(&node.Status, corev1.NodeReady)
		return ready != nil && ready.Status == corev1.ConditionTrue && len(node.Spec.Taints) == 0
	}, 20*time.Second, 100*time.Millisecond)
}

// deviceTo names the device by which the plane reaches an address, or returns nothing when there is none.
func deviceTo(t *testing.T, ip string) string {
	t.Helper()
	routes, err := netlink.RouteList(nil, netlink.FAMILY_ALL)
	require.NoError(t, err)
	for _, route := range routes {
		if route.Dst != nil && route.Dst.IP.Equal(net.ParseIP(ip)) {
			link, err := netlink.LinkByIndex(route.LinkIndex)
			require.NoError(t, err)
			return link.Attrs().Name
		}
	}
	return ""
}

// isMounted tells whether any thread of the agent sees mounts of a Pod.
func isMounted(t *testing.T, uid string) bool {
	t.Helper()
	threads, err := filepath.Glob("/proc/self/task/*/mounts")
	require.NoError(t, err)
	for _, thread := range threads {
		// A thread may end between being listed and being read.
		if mounts, err := os.ReadFile(thread); err == nil && strings.Contains(string(mounts), uid) {
			return true
		}
	}
	return false
}

// eventOf waits for an event of a Pod with this reason and returns its message.
func eventOf(t *testing.T, pod *corev1.Pod, reason string) string {
	t.Helper()
	var message string
	eventually(t, "an event "+reason+" of Pod "+pod.Name, func() bool {
		events, err := plane.client.CoreV1().Events(pod.Namespace).List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		for _, event := range events.Items {
			if event.InvolvedObject.UID == pod.UID && event.Reason == reason {
				message = event.Message
				return true
			}
		}
		return false
	})
	return message
}

func ownsAllUsers(t *testing.T) bool {
	t.Helper()
	users, err := os.ReadFile("/proc/self/uid_map")
	require.NoError(t, err)
	return strings.Contains(string(users), "4294967295")
}
