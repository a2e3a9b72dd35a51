//go:build linux

package node

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

// Catches an image that is mistaken for another because of its registry's port, its tag or its digest.
func TestImageIsFoundByTheLastElementOfItsReference(t *testing.T) {
	images := map[string]Image{"traefik": Program("/tools/traefik")}
	for reference, want := range map[string]string{
		"traefik":                                "/tools/traefik",
		"traefik:v3.7.13":                        "/tools/traefik",
		"docker.io/library/traefik:v3.7.13":      "/tools/traefik",
		"localhost:5000/traefik":                 "/tools/traefik",
		"registry/traefik:v3@sha256:0123":        "/tools/traefik",
		"registry/traefik@sha256:0123":           "/tools/traefik",
		"traefik/whoami":                         "",
		"docker.io/traefik/traefik-ee:latest":    "",
		"docker.io/library/nginx:traefik":        "",
		"docker.io/library/nginx@sha256:traefik": "",
	} {
		image, err := findImage(images, reference)
		require.Equal(t, want, image.Files["/usr/local/bin/traefik"], reference)
		require.Equal(t, want == "", err != nil, reference)
	}
}

// Catches two Pods with one address, an address that is reused at once, and a range whose end is not noticed.
func TestAddressesAreNeitherSharedNorReusedBeforeTheyMust(t *testing.T) {
	pool := newAddressPool(netip.MustParsePrefix("10.0.0.0/29"), netip.MustParsePrefix("fd00::/64"))
	seen := map[netip.Addr]bool{}
	var all []addresses
	for range 5 {
		a, err := pool.take()
		require.NoError(t, err)
		require.False(t, seen[a.v4], a.v4)
		require.True(t, pool.range4.Contains(a.v4), a.v4)
		seen[a.v4] = true
		all = append(all, a)
	}
	require.NotContains(t, seen, netip.MustParseAddr("10.0.0.7"), "the broadcast address")
	_, err := pool.take()
	require.Error(t, err)

	pool.giveBack(all[1])
	pool.giveBack(all[3])
	for _, want := range []addresses{all[1], all[3]} {
		got, err := pool.take()
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// Catches a Pod that is called done while it will be restarted, or running when it is done: Jobs and Deployments act on it.
func TestPhaseFollowsTheContainers(t *testing.T) {
	waiting := corev1.ContainerStatus{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{}}}
	running := corev1.ContainerStatus{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	ended := func(code int32) corev1.ContainerStatus {
		return corev1.ContainerStatus{State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code}}}
	}
	crashed := waiting
	crashed.LastTerminationState = ended(1).State

	always, onFailure, never := corev1.RestartPolicyAlways, corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever
	one := func(c ...corev1.ContainerStatus) []corev1.ContainerStatus { return c }
	for name, c := range map[string]struct {
		policy     corev1.RestartPolicy
		ending     bool
		init, main []corev1.ContainerStatus
		want       corev1.PodPhase
	}{
		"not started":                    {always, false, nil, one(waiting), corev1.PodPending},
		"one of two started":             {always, false, nil, one(running, waiting), corev1.PodPending},
		"started":                        {always, false, nil, one(running), corev1.PodRunning},
		"crashed, to be restarted":       {always, false, nil, one(crashed), corev1.PodRunning},
		"ended, to be restarted":         {always, false, nil, one(ended(0)), corev1.PodRunning},
		"ended with the Pod":             {always, true, nil, one(ended(0)), corev1.PodSucceeded},
		"killed with the Pod":            {always, true, nil, one(ended(137)), corev1.PodFailed},
		"succeeded":                      {onFailure, false, nil, one(ended(0)), corev1.PodSucceeded},
		"failed, to be restarted":        {onFailure, false, nil, one(ended(1)), corev1.PodRunning},
		"failed for good":                {never, false, nil, one(ended(0), ended(1)), corev1.PodFailed},
		"one of two ended":               {never, false, nil, one(ended(1), running), corev1.PodRunning},
		"init runs":                      {always, false, one(running), one(waiting), corev1.PodPending},
		"init failed, to be restarted":   {onFailure, false, one(ended(1)), one(waiting), corev1.PodPending},
		"init failed for good":           {never, false, one(ended(1)), one(waiting), corev1.PodFailed},
		"init succeeded, container runs": {always, false, one(ended(0)), one(running), corev1.PodRunning},
	} {
		pod := &corev1.Pod{
			Spec:   corev1.PodSpec{RestartPolicy: c.policy},
			Status: corev1.PodStatus{InitContainerStatuses: c.init, ContainerStatuses: c.main},
		}
		require.Equal(t, c.want, phase(pod, c.ending), name)
	}
}

// Catches keys of a ConfigMap that stay after they were taken out, and generations of a volume that pile up on disk.
func TestPublishedFolderShowsExactlyTheFilesGiven(t *testing.T) {
	dir := t.TempDir()
	show := func(files map[string]file) { require.NoError(t, publish(dir, files, nil)) }
	show(map[string]file{"a": {"1", 0o644}, "deep/b": {"2", 0o600}, "deep/c": {"3", 0o644}})
	show(map[string]file{"a": {"one", 0o644}, "deep/c": {"3", 0o644}, "d": {"4", 0o644}})

	for name, want := range map[string]string{"a": "one", "deep/c": "3", "d": "4"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	require.NoFileExists(t, filepath.Join(dir, "deep/b"))

	show(nil)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2, "the link and the folder that it names: %v", entries)
}
