//go:build linux

package node

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

// current is the link that readers of a volume go through. The kubelet names it so, and programs that watch their
// configuration wait for this name.
const current = "..data"

// publish makes a folder show exactly these files, all at once: they are written beside those of before, and one rename
// switches. group owns the files if it is not nil, and then reads what their owner reads.
func publish(dir string, files map[string]file, group *int64) error {
	shown, err := read(filepath.Join(dir, current))
	if err != nil {
		return err
	}
	if shown != nil && maps.EqualFunc(shown, files, func(a string, b file) bool { return a == b.data }) {
		return nil
	}
	fresh, err := os.MkdirTemp(dir, "..")
	if err != nil {
		return err
	}
	if err := os.Chmod(fresh, 0o755); err != nil {
		return err
	}
	for name, f := range files {
		if err := write(filepath.Join(fresh, name), f, group); err != nil {
			return err
		}
	}
	before, err := os.Readlink(filepath.Join(dir, current))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := switchLink(dir, filepath.Base(fresh)); err != nil {
		return err
	}
	if err := linkNames(dir, files); err != nil {
		return err
	}
	if before == "" {
		return nil
	}
	return os.RemoveAll(filepath.Join(dir, before))
}

// read returns the files below a folder, or nil if there is no such folder.
func read(link string) (map[string]string, error) {
	dir, err := filepath.EvalSymlinks(link)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	err = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, name)
		files[relative] = string(data)
		return err
	})
	return files, err
}

func write(name string, f file, group *int64) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(name, []byte(f.data), f.mode); err != nil {
		return err
	}
	mode := f.mode
	if group != nil {
		if err := os.Chown(name, -1, int(*group)); err != nil {
			return err
		}
		mode |= mode & 0o400 >> 3
	}
	// Chmod, because the umask does not apply to it.
	return os.Chmod(name, mode)
}

func switchLink(dir, to string) error {
	temporary := filepath.Join(dir, to+"_link")
	if err := os.Symlink(to, temporary); err != nil {
		return err
	}
	return os.Rename(temporary, filepath.Join(dir, current))
}

// linkNames gives each first path element its link into the current files and removes those of files that are gone.
func linkNames(dir string, files map[string]file) error {
	wanted := map[string]bool{}
	for name := range files {
		first, _, _ := strings.Cut(name, "/")
		wanted[first] = true
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		switch name := entry.Name(); {
		case wanted[name]:
			delete(wanted, name)
		case !strings.HasPrefix(name, ".."):
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	for name := range wanted {
		if err := os.Symlink(filepath.Join(current, name), filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}
