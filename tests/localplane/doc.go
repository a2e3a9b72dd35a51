// Package localplane is a Kubernetes control plane for tests and for trying
// things out, on one Linux machine and with no container: etcd, the API server,
// the controller manager and the scheduler, real ones, in network, mount and
// process namespaces of their own. Their end is the kernel's work: when the
// plane's first process ends, however it ends, so does everything in the plane.
//
// The command cmd/localplane starts planes. Its "run" starts one around a
// command, so a test program runs inside and many may run side by side:
//
//	go test -exec "localplane run --" ./tests/...
//
// This package is what such a test program holds of the plane around it: see
// [Here]. Nothing in a plane reaches a network outside, names included; a test
// makes the addresses and names it needs with [Plane.AddAddress] and
// [Plane.AddHost], out of the networks that this package names.
package localplane
