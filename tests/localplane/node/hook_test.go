//go:build linux

package node_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// Catches a command that is not run, that is run outside of its container or as another user, that comes after SIGTERM, or
// whose last words get lost.
func TestPreStopCommandRunsInTheContainerBeforeItEnds(t *testing.T) {
	namespace := newNamespace(t)
	pod := serverPod("leaver")
	pod.Spec.SecurityContext = &corev1.PodSecurityContext{RunAsUser: ptr.To(int64(65532)), RunAsGroup: ptr.To(int64(65532))}
	setPreStop(pod, "server", "note", "goodbye")
	pod = runPod(t, namespace, pod)
	deletePod(t, pod)

	lines := strings.Split(strings.TrimSpace(logOf(t, pod, "main")), "\n")
	require.Len(t, lines, 3, lines)
	require.Contains(t, lines[1], "note goodbye as uid")
	if ownsAllUsers(t) {
		require.Contains(t, lines[1], "as uid 65532")
	}
	require.Contains(t, lines[2], "SIGTERM")
}

// Catches a hook whose failure nobody learns of, and one that keeps its container from ending.
func TestPreStopCommandThatFailsOrHangsDoesNotHoldThePod(t *testing.T) {
	namespace := newNamespace(t)
	failing := serverPod("failing")
	setPreStop(failing, "server", "exit", "3")
	failing = runPod(t, namespace, failing)
	hanging := serverPod("hanging")
	hanging.Spec.TerminationGracePeriodSeconds = ptr.To(int64(2))
	setPreStop(hanging, "server", "hang")
	hanging = runPod(t, namespace, hanging)
	missing := serverPod("missing")
	setPreStop(missing, "sh", "-c", "true")
	missing = runPod(t, namespace, missing)

	deletePod(t, failing)
	require.Contains(t, eventOf(t, failing, "FailedPreStopHook"), "server exit 3 ended with 3: ")
	deletePod(t, missing)
	require.Contains(t, eventOf(t, missing, "FailedPreStopHook"), "start /usr/local/bin/sh")
	began := time.Now()
	deletePod(t, hanging)
	require.Less(t, time.Since(began), 8*time.Second)
}

func setPreStop(pod *corev1.Pod, command ...string) {
	pod.Spec.Containers[0].Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: command}}}
}
