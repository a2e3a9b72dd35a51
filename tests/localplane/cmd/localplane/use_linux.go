package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/modelplane/pulumi-modelplane/tests/localplane"
)

// execute turns this process into a command in the plane by hand.
func execute(args []string) (int, error) {
	command, err := commandOf(args)
	if err != nil {
		return 0, err
	}
	hand, err := findByHand()
	if err != nil {
		return 0, err
	}
	record, err := hand.running()
	if err != nil {
		return 0, err
	}
	plane, err := localplane.In(hand.dir)
	if err != nil {
		return 0, err
	}
	if err := setEnvironment(plane); err != nil {
		return 0, err
	}
	workingDir, err := os.Getwd()
	if err != nil {
		return 0, err
	}
	nsenter, err := exec.LookPath("nsenter")
	if err != nil {
		return 0, fmt.Errorf("nsenter of util-linux is needed to get into the plane: %w", err)
	}
	enter := []string{nsenter, "--target", strconv.Itoa(record.Process), "--net", "--mount", "--pid"}
	if os.Getuid() != 0 {
		enter = append(enter, "--user", "--preserve-credentials")
	}
	enter = append(enter, "env", "--chdir="+workingDir, "--")
	return 0, syscall.Exec(nsenter, append(enter, command...), os.Environ())
}

// kubeconfig prints a kubeconfig of the plane by hand, with a context for the
// administrator of each cluster and the addresses that its API servers have outside.
func kubeconfig([]string) (int, error) {
	hand, err := findByHand()
	if err != nil {
		return 0, err
	}
	record, err := hand.running()
	if err != nil {
		return 0, err
	}
	plane, err := localplane.In(hand.dir)
	if err != nil {
		return 0, err
	}
	all := clientcmdapi.NewConfig()
	all.CurrentContext = plane.First().Name
	for i, cluster := range plane.Clusters {
		config, err := clientcmd.LoadFromFile(cluster.Kubeconfig())
		if err != nil {
			return 0, err
		}
		config.Clusters[cluster.Name].Server = "https://" + record.API[i]
		maps.Copy(all.Clusters, config.Clusters)
		maps.Copy(all.AuthInfos, config.AuthInfos)
		maps.Copy(all.Contexts, config.Contexts)
	}
	content, err := clientcmd.Write(*all)
	if err != nil {
		return 0, err
	}
	_, err = os.Stdout.Write(content)
	return 0, err
}

// down ends the plane by hand. There is nothing in it to be kept, so its first
// process is killed, and with it goes the rest.
func down([]string) (int, error) {
	hand, err := findByHand()
	if err != nil {
		return 0, err
	}
	record, err := hand.running()
	if errors.Is(err, errNotUp) {
		fmt.Println("No plane is up.")
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	// The kernel ends all processes of the plane before this one counts as ended, but lets go of its lock first.
	plane, err := unix.PidfdOpen(record.Process, 0)
	if err != nil {
		return 0, fmt.Errorf("the plane cannot be ended: %w", err)
	}
	defer unix.Close(plane)
	if err := unix.PidfdSendSignal(plane, unix.SIGKILL, nil, 0); err != nil {
		return 0, fmt.Errorf("the plane cannot be ended: %w", err)
	}
	const patience = 20 * time.Second
	ended, err := poll(plane, patience)
	if err != nil {
		return 0, err
	}
	if !ended {
		return 0, fmt.Errorf("the plane's process %d has not ended after %s", record.Process, patience)
	}
	return 0, os.RemoveAll(hand.dir)
}

// poll waits until there is something to read from a file, which of a process is its end.
func poll(file int, patience time.Duration) (bool, error) {
	for deadline := time.Now().Add(patience); ; {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(file), Events: unix.POLLIN}}, int(max(time.Until(deadline), 0).Milliseconds()))
		if !errors.Is(err, unix.EINTR) {
			return n > 0, err
		}
	}
}
