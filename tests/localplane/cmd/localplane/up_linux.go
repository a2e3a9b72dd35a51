package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/modelplane/pulumi-modelplane/tests/localplane"
	"github.com/modelplane/pulumi-modelplane/tests/localplane/internal/sandbox"
)

const howToUse = `
  localplane exec -- kubectl get all -A         a command in the plane
  localplane kubeconfig > plane.kubeconfig      for programs outside of it
  localplane down                               stops it
`

// up starts the plane by hand, waits until it is ready and leaves it behind.
func up(args []string) (int, error) {
	began := time.Now()
	workload, _, err := clustersOf(args)
	if err != nil {
		return 0, err
	}
	hand, err := findByHand()
	if err != nil {
		return 0, err
	}
	lock, err := hand.tryLock()
	if err != nil {
		return 0, err
	}
	if lock == nil {
		fmt.Print("The plane is up already.\n", howToUse)
		return 0, nil
	}
	if err := errors.Join(os.RemoveAll(hand.dir), os.Mkdir(hand.dir, 0o755), localplane.Create(hand.dir, workload...)); err != nil {
		return 0, err
	}
	if err := hand.startUntilReady(lock, 1+len(workload)); err != nil {
		return 0, err
	}
	fmt.Printf("The plane is ready after %.1f s.\n%s", time.Since(began).Seconds(), howToUse)
	return 0, nil
}

func (b byHand) startUntilReady(lock *os.File, clusters int) error {
	ready, readyWriter, err := os.Pipe()
	if err != nil {
		return err
	}
	var addresses []string
	handed := []*os.File{readyWriter}
	for range clusters {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		api, err := listener.(*net.TCPListener).File()
		if err != nil {
			return err
		}
		addresses, handed = append(addresses, listener.Addr().String()), append(handed, api)
	}
	log, err := os.Create(b.log())
	if err != nil {
		return err
	}
	process, err := sandbox.Command(firstCommand, b.dir)
	if err != nil {
		return err
	}
	process.Stdout, process.Stderr = log, log
	process.ExtraFiles = append(handed, lock)
	process.SysProcAttr.Setsid = true
	if err := sandbox.Start(process); err != nil {
		return err
	}
	endIfInterrupted(process)
	if err := b.writeRecord(record{Process: process.Process.Pid, API: addresses}); err != nil {
		return err
	}
	// With only the plane left to write, its end is that of the pipe.
	readyWriter.Close()
	if message, _ := io.ReadAll(ready); string(message) != readyMessage {
		said, _ := os.ReadFile(b.log())
		return fmt.Errorf("the plane did not become ready; its logs are in %s\n%s", b.dir, said)
	}
	return nil
}

// endIfInterrupted ends the plane with this process, as long as it is not ready.
func endIfInterrupted(plane *exec.Cmd) {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-interrupted
		_ = plane.Process.Kill()
	}()
}
