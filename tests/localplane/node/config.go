//go:build linux

package node

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"k8s.io/client-go/rest"
)

// Config says which Node the agent is and what its Pods find. All fields are required unless their comment says
// otherwise.
type Config struct {
	// API reaches the API server with the rights of an administrator.
	API *rest.Config

	// NodeName names the Node.
	NodeName string

	// NodeIP is the Node's own IPv4 address in the plane's network namespace. It is the source address of what the
	// plane sends to Pods.
	NodeIP netip.Addr

	// PodCIDR and PodCIDR6 are the ranges that Pods get their addresses from. The plane itself takes the address behind
	// the first of PodCIDR6. Two agents of one plane need ranges that do not overlap.
	PodCIDR, PodCIDR6 netip.Prefix

	// Dir holds the Pods' folders and their containers' logs, `<namespace>_<pod>_<container>.log`. Logs outlive their Pods.
	Dir string

	// Images are the images that the Node runs, by the last path element of their references without tag and digest:
	// "traefik" is docker.io/library/traefik:v3.7.13.
	Images map[string]Image

	// HostsFile is bound to /etc/hosts in every container. Names that are added by writing to this very file, rather
	// than by putting another in its place, are seen by running containers.
	HostsFile string

	// NameServer is the address of the DNS server that Pods ask. Optional: without one they find only what is in
	// HostsFile.
	NameServer netip.Addr

	// APIServer is where Pods reach the API server (KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT).
	APIServer netip.AddrPort

	// CAFile is a PEM bundle that containers trust besides the machine's own. Optional; read whenever a container starts.
	CAFile string
}

func (c Config) check() error {
	var faults []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	need(c.API != nil, "API is nil; give a client configuration for the API server")
	need(c.NodeName != "", "NodeName is empty; give the Node a name")
	need(c.NodeIP.Is4(), "NodeIP %s is not an IPv4 address of the plane", c.NodeIP)
	need(c.PodCIDR.IsValid() && c.PodCIDR.Addr().Is4(), "PodCIDR %s is not an IPv4 range such as 10.244.0.0/16", c.PodCIDR)
	need(c.PodCIDR6.IsValid() && c.PodCIDR6.Addr().Is6(), "PodCIDR6 %s is not an IPv6 range such as fd00:244::/64", c.PodCIDR6)
	need(c.Dir != "", "Dir is empty; give a folder for the Pods and their logs")
	need(c.APIServer.IsValid(), "APIServer is empty; give the address that Pods reach the API server at")
	for name, image := range c.Images {
		err := image.check()
		need(err == nil, "Images[%q]: %v", name, err)
	}
	if _, err := os.Stat(c.HostsFile); err != nil {
		faults = append(faults, fmt.Errorf("HostsFile: %w", err))
	}
	return errors.Join(faults...)
}
