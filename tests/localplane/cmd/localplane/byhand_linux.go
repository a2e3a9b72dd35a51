package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// What process 1 of the plane by hand is handed by up, after standard error.
const (
	// readyFD is a pipe on which the plane writes readyMessage.
	readyFD = 3 + iota
	// apiFD is the first of the sockets that listen outside of the plane, one for the
	// API server of each cluster. Behind the last one is the file that holds the lock
	// on byHand.lock, as long as the plane lives.
	apiFD
)

const readyMessage = "ready"

// byHand is the plane of up, down, exec and kubeconfig. There is one for each
// user of a machine.
type byHand struct {
	dir, lock string
}

// record is what up writes down about the plane that it started.
type record struct {
	// Process is the process 1 of the plane, as it is numbered outside.
	Process int `json:"process"`
	// API is where the API server of each cluster listens outside.
	API []string `json:"api"`
}

var errNotUp = errors.New(`no plane is up; "localplane up" starts one`)

func findByHand() (byHand, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return byHand{}, fmt.Errorf("there is no folder for the plane (set XDG_CACHE_HOME): %w", err)
	}
	dir := filepath.Join(cache, "modelplane", "plane")
	return byHand{dir: dir, lock: dir + ".lock"}, os.MkdirAll(filepath.Dir(dir), 0o755)
}

// running returns the record of the plane, or errNotUp.
func (b byHand) running() (record, error) {
	lock, err := b.tryLock()
	if err != nil {
		return record{}, err
	}
	if lock != nil {
		lock.Close()
		return record{}, errNotUp
	}
	content, err := os.ReadFile(b.recordFile())
	if errors.Is(err, os.ErrNotExist) {
		return record{}, errors.New("a plane is being started; try again when it is up")
	}
	var r record
	return r, errors.Join(err, json.Unmarshal(content, &r))
}

// tryLock takes the lock. It returns nil where a plane holds it.
func (b byHand) tryLock() (*os.File, error) {
	file, err := os.OpenFile(b.lock, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil {
		file.Close()
	}
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%s cannot be locked: %w", b.lock, err)
	}
	return file, nil
}

func (b byHand) writeRecord(r record) error {
	content, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return os.WriteFile(b.recordFile(), content, 0o644)
}

func (b byHand) recordFile() string { return filepath.Join(b.dir, "plane.json") }

func (b byHand) log() string { return filepath.Join(b.dir, "plane.log") }
