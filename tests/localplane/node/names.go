//go:build linux

package node

import "fmt"

// resolvConf is /etc/resolv.conf of a Pod, as the kubelet writes it for the policy ClusterFirst. Without a name server a
// name that is not in the hosts file is not found, at once.
func (a *agent) resolvConf(namespace string) string {
	if !a.cfg.NameServer.IsValid() {
		return ""
	}
	return fmt.Sprintf("nameserver %s\nsearch %s.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n",
		a.cfg.NameServer, namespace)
}
