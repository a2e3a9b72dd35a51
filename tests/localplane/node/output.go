//go:build linux

package node

import (
	"io"
	"os"
	"syscall"
)

// output is where a container writes: a pipe that is its user's own, as programs expect that open /proc/1/fd/1.
type output struct {
	// writer is the container's end.
	writer *os.File
	// copied is closed when everything is in the log.
	copied chan struct{}
}

// newOutput leads to the log file of that name, which is not overwritten.
func newOutput(name string, user *syscall.Credential) (*output, error) {
	log, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		log.Close()
		return nil, err
	}
	o := &output{writer: writer, copied: make(chan struct{})}
	go func() {
		defer close(o.copied)
		defer log.Close()
		defer reader.Close()
		// What cannot be written to the log must not stop the container.
		if _, err := io.Copy(log, reader); err != nil {
			_, _ = io.Copy(io.Discard, reader)
		}
	}()
	if user != nil {
		if err := writer.Chown(int(user.Uid), int(user.Gid)); err != nil {
			writer.Close()
			return nil, err
		}
	}
	return o, nil
}
