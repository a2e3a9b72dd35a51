package localplane

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// DirVariable is the environment variable that tells a program in a plane the
// plane's state folder.
const DirVariable = "MODELPLANE_PLANE"

// Plane is a running plane, seen from inside.
type Plane struct {
	// Dir is the state folder. It holds everything the plane keeps: nothing of a
	// plane is anywhere else.
	Dir string
	// Clusters are the clusters, in the order of their indices. The first one is
	// there always; the others are the workload clusters that were asked for.
	Clusters []Cluster
}

// Here returns the plane that this program runs in. Outside of one it fails,
// and the error says how to get inside.
func Here() (Plane, error) {
	dir := os.Getenv(DirVariable)
	if dir == "" {
		return Plane{}, errors.New(`this program needs a local plane around it; start it with ` +
			`"localplane run -- PROGRAM", and tests with: go test -exec "localplane run --"`)
	}
	return In(dir)
}

// Create makes dir, which exists and is empty, the state folder of a plane with workload
// clusters of these names.
func Create(dir string, workload ...string) error {
	if len(workload) > maxWorkload {
		return fmt.Errorf("%d workload clusters are more than a plane has networks for; name at most %d", len(workload), maxWorkload)
	}
	for i, name := range workload {
		if faults := validation.IsDNS1123Label(name); len(faults) > 0 {
			return fmt.Errorf("%q is not a name for a cluster: %s", name, strings.Join(faults, "; "))
		}
		if name == firstName || slices.Contains(workload[:i], name) {
			return fmt.Errorf("two clusters have the name %q; give each workload cluster a name of its own", name)
		}
		if err := os.MkdirAll(workloadDir(dir, name), 0o755); err != nil {
			return err
		}
	}
	return os.WriteFile(namesFile(dir), []byte(strings.Join(workload, "\n")), 0o644)
}

// In returns the plane whose state folder is dir.
func In(dir string) (Plane, error) {
	names, err := os.ReadFile(namesFile(dir))
	if err != nil {
		return Plane{}, fmt.Errorf("%s is not the folder of a plane: %w", dir, err)
	}
	plane := Plane{Dir: dir, Clusters: []Cluster{{firstName, dir, networksOf(0)}}}
	for i, name := range strings.Fields(string(names)) {
		plane.Clusters = append(plane.Clusters, Cluster{name, workloadDir(dir, name), networksOf(i + 1)})
	}
	return plane, nil
}

// namesFile has the names of the workload clusters, one a line.
func namesFile(dir string) string { return filepath.Join(dir, "clusters.txt") }

func workloadDir(dir, name string) string { return filepath.Join(dir, "clusters", name) }

// First is the cluster that every plane has.
func (p Plane) First() Cluster { return p.Clusters[0] }

// Cluster returns the cluster of that name. A test that names one that the plane
// does not have is at fault, and panics.
func (p Plane) Cluster(name string) Cluster {
	for _, cluster := range p.Clusters {
		if cluster.Name == name {
			return cluster
		}
	}
	panic(fmt.Sprintf(`this plane has no cluster %q; start it with "localplane run --clusters %[1]s -- PROGRAM"`, name))
}

// Kubeconfig is that of the first cluster.
func (p Plane) Kubeconfig() string { return p.First().Kubeconfig() }

// LogsDir is that of the first cluster.
func (p Plane) LogsDir() string { return p.First().LogsDir() }

// PodsDir is that of the first cluster.
func (p Plane) PodsDir() string { return p.First().PodsDir() }

// HostsFile is that of the first cluster, and the /etc/hosts of every program in
// the plane that is not in a Pod.
func (p Plane) HostsFile() string { return p.First().HostsFile() }

// TrustedFile is the path of a PEM bundle of certificate authorities that Pods
// started from now on trust besides the machine's own. See [Plane.Trust].
func (p Plane) TrustedFile() string { return filepath.Join(p.Dir, "trusted.pem") }

// AddHost gives address the host name name for every program in the plane, the
// Pods of all clusters included; a name may have several addresses. Go programs
// remember the file for 5 s, so add a name before a program that is to find it
// starts to ask.
func (p Plane) AddHost(name string, address netip.Addr) error {
	for _, cluster := range p.Clusters {
		if err := cluster.AddHost(name, address); err != nil {
			return err
		}
	}
	return nil
}

// Trust has Pods started from now on, in all clusters, trust the certificate
// authorities in pem, as if the machine did.
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
