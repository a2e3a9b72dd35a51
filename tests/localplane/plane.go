package localplane

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
)

// DirVariable is the environment variable that tells a program in a plane the
// plane's state folder.
const DirVariable = "MODELPLANE_PLANE"

// Plane is a running plane, seen from inside.
type Plane struct {
	// Dir is the state folder. It holds everything the plane keeps: nothing of a
	// plane is anywhere else.
	Dir string
}

// Here returns the plane that this program runs in. Outside of one it fails,
// and the error says how to get inside.
func Here() (Plane, error) {
	dir := os.Getenv(DirVariable)
	if dir == "" {
		return Plane{}, errors.New(`this program needs a local plane around it; start it with ` +
			`"localplane run -- PROGRAM", and tests with: go test -exec "localplane run --"`)
	}
	return Plane{Dir: dir}, nil
}

// Kubeconfig is the path of the cluster administrator's kubeconfig. It works
// inside the plane only.
func (p Plane) Kubeconfig() string { return filepath.Join(p.Dir, "kubeconfig") }

// LogsDir is the folder with a log file for each component.
func (p Plane) LogsDir() string { return filepath.Join(p.Dir, "logs") }

// PodsDir is the folder with a log file for each container of a Pod,
// <namespace>_<pod>_<container>.log, kept when the Pod is gone.
func (p Plane) PodsDir() string { return filepath.Join(p.Dir, "pods") }

// HostsFile is the path of the plane's /etc/hosts. [Plane.AddHost] writes to it
// in place, so a bind mount of it, in a Pod's own root folder say, follows.
func (p Plane) HostsFile() string { return filepath.Join(p.Dir, "hosts") }

// TrustedFile is the path of a PEM bundle of certificate authorities that Pods
// started from now on trust besides the machine's own. See [Plane.Trust].
func (p Plane) TrustedFile() string { return filepath.Join(p.Dir, "trusted.pem") }

// AddHost gives address the host name name for every program in the plane; a
// name may have several addresses. Go programs remember the file for 5 s, so
// add a name before a program that is to find it starts to ask.
func (p Plane) AddHost(name string, address netip.Addr) error {
	return appendTo(p.HostsFile(), fmt.Sprintf("%s %s\n", address, name))
}

// Trust has Pods started from now on trust the certificate authorities in pem,
// as if the machine did.
func (p Plane) Trust(pem []byte) error {
	return appendTo(p.TrustedFile(), string(pem)+"\n")
}

func appendTo(path, text string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("the plane's folder cannot be written to: %w", err)
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}

// AddAddress makes address one that programs in the plane can listen on, and
// that its Pods can reach. Adding it again changes nothing.
func (p Plane) AddAddress(address netip.Addr) error {
	return onLoopback(netlink.AddrReplace, address)
}

// RemoveAddress takes back what [Plane.AddAddress] added. Connections to the
// address come to a halt.
func (p Plane) RemoveAddress(address netip.Addr) error {
	return onLoopback(netlink.AddrDel, address)
}

// noDuplicateDetection is IFA_F_NODAD of linux/if_addr.h. Without it an IPv6
// address cannot be listened on for a while after it was added.
const noDuplicateDetection = 0x02

func onLoopback(change func(netlink.Link, *netlink.Addr) error, address netip.Addr) error {
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("the plane's loopback interface cannot be found: %w", err)
	}
	single, err := netlink.ParseAddr(netip.PrefixFrom(address, address.BitLen()).String())
	if err != nil {
		return fmt.Errorf("%q is not an IP address: %w", address, err)
	}
	single.Flags = noDuplicateDetection
	if err := change(loopback, single); err != nil {
		return fmt.Errorf("address %s on the plane's loopback interface: %w", address, err)
	}
	return nil
}
