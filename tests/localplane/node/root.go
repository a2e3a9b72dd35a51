//go:build linux

package node

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// binaryFolder is where a container finds its image's binary; it is on the container's PATH.
const binaryFolder = "/usr/local/bin"

// bundles are the places where Linux distributions keep the trusted certificates, in the order Go reads them.
var bundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/ssl/cert.pem",
}

// root is what a container sees as its file system.
type root struct {
	// dir is the folder that becomes "/".
	dir string
	// binary is the image's binary, name what it is called in binaryFolder.
	binary, name string
	// hosts and extraCAs are Config.HostsFile and Config.CAFile.
	hosts, extraCAs string
	mounts          []mount
}

// mount shows a file or folder of the plane at a path of the container.
type mount struct {
	source, target string
}

// build makes the root afresh. It runs on the sandbox's thread: only the Pod sees these mounts.
func (r root) build() error {
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		return err
	}
	// A restarted container starts from an empty root, as its image would give it.
	_ = unix.Unmount(r.dir, unix.MNT_DETACH)
	if err := unix.Mount("tmpfs", r.dir, "tmpfs", unix.MS_NOSUID, "mode=0755"); err != nil {
		return fmt.Errorf("mount the container's root: %w", err)
	}
	if err := r.writeFiles(); err != nil {
		return fmt.Errorf("fill the container's root: %w", err)
	}
	mounts := []mount{
		{r.binary, path.Join(binaryFolder, r.name)},
		{r.hosts, "/etc/hosts"},
		{"/proc", "/proc"},
	}
	for _, device := range []string{"null", "zero", "full", "random", "urandom"} {
		mounts = append(mounts, mount{"/dev/" + device, "/dev/" + device})
	}
	for _, m := range append(mounts, r.mounts...) {
		if err := r.bind(m); err != nil {
			return fmt.Errorf("mount %s: %w", m.target, err)
		}
	}
	return nil
}

func (r root) writeFiles() error {
	trusted, err := trustedCertificates(r.extraCAs)
	if err != nil {
		return err
	}
	files := map[string][]byte{
		// No name server: a name that is not in the hosts file is not found, at once.
		"/etc/resolv.conf":                   nil,
		"/etc/ssl/certs/ca-certificates.crt": trusted,
	}
	for name, data := range files {
		target := filepath.Join(r.dir, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(target, data, 0o644); err != nil {
			return err
		}
	}
	tmp := filepath.Join(r.dir, "tmp")
	if err := os.Mkdir(tmp, 0o777); err != nil {
		return err
	}
	return os.Chmod(tmp, 0o777|os.ModeSticky)
}

// trustedCertificates is the machine's bundle, if it has one, with the extra one behind it.
func trustedCertificates(extra string) ([]byte, error) {
	var trusted []byte
	for _, name := range bundles {
		data, err := os.ReadFile(name)
		if err == nil {
			trusted = append(data, '\n')
			break
		}
		if !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	if extra == "" {
		return trusted, nil
	}
	data, err := os.ReadFile(extra)
	if err != nil {
		return nil, fmt.Errorf("CAFile: %w", err)
	}
	return append(trusted, data...), nil
}

func (r root) bind(m mount) error {
	target := filepath.Join(r.dir, m.target)
	info, err := os.Stat(m.source)
	if err != nil {
		return err
	}
	if info.IsDir() {
		err = os.MkdirAll(target, 0o755)
	} else {
		err = makeFile(target)
	}
	if err != nil {
		return err
	}
	// Recursive, because a user namespace may not show what a mount below would hide.
	return unix.Mount(m.source, target, "", unix.MS_BIND|unix.MS_REC, "")
}

func makeFile(name string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDONLY, 0o644)
	if err != nil {
		return err
	}
	return file.Close()
}
