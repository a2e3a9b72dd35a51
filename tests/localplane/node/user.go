//go:build linux

package node

import (
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"

	corev1 "k8s.io/api/core/v1"
)

// credential is the user that a container runs as, or nil for the agent's own: where the container asks for none, and
// in a user namespace, which knows no other.
func credential(pod *corev1.Pod, container *corev1.Container) *syscall.Credential {
	if !mayChangeUsers() {
		return nil
	}
	podContext, own := pod.Spec.SecurityContext, container.SecurityContext
	if podContext == nil {
		podContext = &corev1.PodSecurityContext{}
	}
	if own == nil {
		own = &corev1.SecurityContext{}
	}
	c := &syscall.Credential{
		Uid: firstID(own.RunAsUser, podContext.RunAsUser),
		Gid: firstID(own.RunAsGroup, podContext.RunAsGroup),
	}
	for _, group := range podContext.SupplementalGroups {
		c.Groups = append(c.Groups, uint32(group))
	}
	if podContext.FSGroup != nil {
		c.Groups = append(c.Groups, uint32(*podContext.FSGroup))
	}
	return c
}

// firstID is the first id that is set; 0, the user of an image that names none, otherwise.
func firstID(ids ...*int64) uint32 {
	for _, id := range ids {
		if id != nil {
			return uint32(*id)
		}
	}
	return 0
}

// mayChangeUsers tells whether this process has all users of the machine, as root outside of a user namespace does.
var mayChangeUsers = sync.OnceValue(func() bool {
	users, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && slices.Equal(strings.Fields(string(users)), []string{"0", "0", "4294967295"})
})
