// Package node is the node agent of the local plane: it registers one Kubernetes Node and runs the containers of the
// Pods bound to it as plain processes, so that a Helm chart's Deployment runs as it is on a machine that has neither a
// kubelet nor a container runtime.
//
// Each Pod has network, mount and UTS namespaces of its own, an IPv4 and an IPv6 address, and a /dev/shm. Each container
// has processes of its own, and a root folder of its own that holds what its [Image] brings, the hosts file, the trusted
// certificates and the Pod's volumes. An image is a name that [Config] knows; any other leaves its Pod pending.
//
// What is there works as in a cluster: ServiceAccount tokens, configMap, secret, projected, downwardAPI and emptyDir
// volumes with updates, environment, init containers, restarts, httpGet and tcpSocket probes, exec, httpGet and sleep
// preStop hooks, graceful ends, statuses and events. A Pod that needs more than that is refused with an event that says
// what. Ignored is what only restricts a container: capabilities, seccomp, resource limits, read-only mounts. Names come
// from the hosts file and, those of Services, from the name server that [Config] names.
//
// The agent talks to the API server through client-go and renews its Lease with the kubelet's own controller. The
// framework of virtual-kubelet was considered; its Pod controller does not fit a plane on which rollouts under load are
// tested: a Pod whose containers have ended stays in the API until its whole grace period is over, one whose containers
// still run goes when it is over, Pods are told apart by name where the agent must tell them apart by UID, and a
// status write carries the labels, annotations and finalizers of an older copy.
package node
