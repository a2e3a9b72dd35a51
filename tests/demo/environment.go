package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"

	"github.com/modelplane/pulumi-modelplane/tests/localplane"
)

// environment is where the example runs, with the model servers behind it.
type environment struct {
	// began is when the reader began to wait.
	began time.Time
	// config is the example's, with the servers' addresses.
	config auto.ConfigMap
	// model is what requests ask for.
	model string
	// requests are sent for a table, at most rate of them a second.
	requests, rate int
	// around are the requests that are awaited before a change and after it.
	around int
	// patience is how long the first answer may take once pulumi up has ended.
	patience time.Duration
	// lasting is whether what the example makes outlives the demo unless it is destroyed.
	lasting bool
	// explain says what to look at after a failure.
	explain func() string
	// leave ends what the demo has started in this environment.
	leave func()
}

// beganVariable hands the time at which the demo began, in Unix milliseconds, to the demo inside of a plane.
const beganVariable = "MODELPLANE_DEMO_BEGAN"

// chooseEnvironment takes the plane around this process, or else the cluster of KUBECONFIG, or else starts a plane.
func chooseEnvironment(t *terminal) (*environment, error) {
	if plane, err := localplane.Here(); err == nil {
		return inPlane(t, plane)
	}
	if os.Getenv("KUBECONFIG") != "" {
		return inCluster(t)
	}
	return nil, enterPlane(t)
}

// enterPlane becomes localplane, which starts this program again inside a plane.
func enterPlane(t *terminal) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	t.title("One OpenAI-compatible URL over three backends, in a Kubernetes of its own")
	t.announce(startPlane)
	if err := os.Setenv(beganVariable, strconv.FormatInt(time.Now().UnixMilli(), 10)); err != nil {
		return err
	}
	localplane := filepath.Join(filepath.Dir(self), "localplane")
	err = syscall.Exec(localplane, []string{localplane, "run", "--", self}, os.Environ())
	return fmt.Errorf("%s cannot be started: %w; make demo builds it. With a cluster at hand, set KUBECONFIG instead", localplane, err)
}
