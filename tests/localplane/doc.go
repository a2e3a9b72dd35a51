// Package localplane is one or several Kubernetes clusters for tests and for
// trying things out, on one Linux machine and with no container: etcd, the API
// server, the controller manager and the scheduler, real ones, in network, mount
// and process namespaces of their own. Their end is the kernel's work: when the
// plane's first process ends, however it ends, so does everything in the plane.
//
// The command cmd/localplane starts planes. Its "run" starts one around a
// command, so a test program runs inside and many may run side by side:
//
//	go test -exec "localplane run --" ./tests/...
//
// A plane has one cluster, and a workload cluster for each name that it is given:
//
//	go test -exec "localplane run --clusters east,west --" ./tests/...
//
// Clusters share nothing but the network: each has servers, a Node, a load
// balancer, keys and a hosts file of its own, and addresses that no other has, so
// that Pods of one reach the Pods and Services of another.
//
// This package is what such a test program holds of the plane around it: see
// [Here]. Nothing in a plane reaches a network outside, names included; a test
// makes the addresses and names it needs with [Plane.AddAddress] and
// [Plane.AddHost], out of [Free4] and [Free6].
package localplane
