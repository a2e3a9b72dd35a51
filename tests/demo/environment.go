package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"

	"github.com/modelplane/pulumi-modelplane/tests/localplane"
)

// scene is what a demo shows.
type scene struct {
	title string
	// example is its folder, from the root of the repository.
	example string
	// clusters are the workload clusters of the plane.
	clusters []string
	// prepare starts the model servers in a plane, and sets the example's configuration and what requests ask for.
	prepare func(*terminal, localplane.Plane, *environment) error
	// outside is where else than in a plane it can be shown; nil for nowhere.
	outside func(*terminal, scene) (*environment, error)
	// away is the setting, a key and its value, that takes a backend out.
	away [2]string
	// mortal is the endpoint whose servers die where they are the demo's own.
	mortal string
}

// scenes are the demos by their arguments.
var scenes = map[string]scene{
	"": {
		title: "One OpenAI-compatible URL for two models over four backends", example: "examples/demo",
		prepare: twoModels, outside: inCluster, away: [2]string{"nearWeight", "0"}, mortal: "far",
	},
	"clusters": {
		title: "One OpenAI-compatible URL over a model on two clusters and a provider", example: "examples/multi-cluster/yaml",
		clusters: []string{"east", "west"}, prepare: twoClusters, away: [2]string{"westDrain", "true"},
	},
}

// environment is where a scene's example runs, with the model servers behind it.
type environment struct {
	scene scene
	// began is when the reader began to wait.
	began time.Time
	// config is the example's, with the servers' addresses.
	config auto.ConfigMap
	// model is what requests ask for.
	model string
	// key is the one that the demo calls the service with; empty where that asks for none.
	key string
	// otherKey is that of a second team; empty where one calls alone.
	otherKey string
	// byHand is how a person reads the gateway's figures where the demo may be unable to; empty where that is a failure.
	byHand string
	// kill ends the servers of the scene's mortal endpoint; nil where they are not the demo's own.
	kill func() error
	// requests are sent for a table, at most rate of them a second.
	requests, rate int
	// around are the requests that are awaited before a change and after it.
	around int
	// patience is how long the first answer may take once pulumi up has ended.
	patience time.Duration
	// lasting is whether what the example makes outlives the demo unless it is destroyed.
	lasting bool
	// endpoints are which endpoint each model server belongs to, where that does not have its name; nil where all do.
	endpoints func(context.Context) (map[string]string, error)
	// explain says what to look at after a failure.
	explain func() string
	// leave ends what the demo has started in this environment.
	leave func()
}

// beganVariable hands the time at which the demo began, in Unix milliseconds, to the demo inside of a plane.
const beganVariable = "MODELPLANE_DEMO_BEGAN"

// choose takes the plane around this process, or else the cluster of KUBECONFIG if that can be, or else starts a plane.
func (s scene) choose(t *terminal) (*environment, error) {
	plane, err := localplane.Here()
	switch {
	case err == nil:
		return s.inPlane(t, plane)
	case s.outside != nil && os.Getenv("KUBECONFIG") != "":
		return s.outside(t, s)
	default:
		return nil, s.enterPlane(t)
	}
}

// enterPlane becomes localplane, which starts this program again inside a plane.
func (s scene) enterPlane(t *terminal) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	t.title(s.title + ", in a Kubernetes of its own")
	t.announce(startPlane)
	if err := os.Setenv(beganVariable, strconv.FormatInt(time.Now().UnixMilli(), 10)); err != nil {
		return err
	}
	localplane := filepath.Join(filepath.Dir(self), "localplane")
	command := []string{localplane, "run"}
	if len(s.clusters) > 0 {
		command = append(command, "--clusters", strings.Join(s.clusters, ","))
	}
	command = append(append(command, "--", self), os.Args[1:]...)
	err = syscall.Exec(localplane, command, os.Environ())
	return fmt.Errorf("%s cannot be started: %w; make demo builds it. With a cluster at hand, set KUBECONFIG instead", localplane, err)
}
