//go:build linux

package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// binaryFolder is where a container finds the programs of its image; it is on the container's PATH.
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
	dir   string
	image Image
	// hosts and extraCAs are Config.HostsFile and Config.CAFile, names is the text of /etc/resolv.conf.
	hosts, extraCAs, names string
	// shm is the folder that all containers of a Pod have as /dev/shm.
	shm    string
	mounts []mount
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
	mounts := []mount{{r.hosts, "/etc/hosts"}, {r.shm, "/dev/shm"}}
	for target, source := range r.image.Files {
		mounts = append(mounts, mount{source, target})
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
		"/etc/resolv.conf":                   []byte(r.names),
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
	dev := filepath.Join(r.dir, "dev")
	if err := os.Mkdir(dev, 0o755); err != nil {
		return err
	}
	for name, to := range map[string]string{"fd": "", "stdin": "0", "stdout": "1", "stderr": "2"} {
		if err := os.Symlink(filepath.Join("/proc/self/fd", to), filepath.Join(dev, name)); err != nil {
			return err
		}
	}
	// The container's first process mounts this one.
	if err := os.Mkdir(filepath.Join(r.dir, "proc"), 0o555); err != nil {
		return err
	}
	for _, name := range append([]string{"/tmp"}, r.image.Writable...) {
		folder := filepath.Join(r.dir, name)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		// Chmod, because the umask does not apply to it.
		if err := os.Chmod(folder, 0o777|os.ModeSticky); err != nil {
			return err
		}
	}
	return nil
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
