// Package controlplane starts the control planes of the clusters in a plane.
//
// controller-runtime's envtest starts etcd and an API server too. It is not
// used because its API server's certificate holds for the address it listens on
// alone, not for the one by which Pods know it, and because it knows nothing of
// the two other components: here all four are of one kind.
package controlplane

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/modelplane/pulumi-modelplane/tests/localplane"
	"github.com/modelplane/pulumi-modelplane/tests/localplane/internal/process"
	"github.com/modelplane/pulumi-modelplane/tests/localplane/internal/tools"
)

// ControlPlane is a control plane that runs.
type ControlPlane struct {
	// Config is the administrator's way to the API server, without a limit on
	// the rate of requests.
	Config *rest.Config
	// Client is made of Config.
	Client kubernetes.Interface

	cluster   localplane.Cluster
	health    *http.Client
	processes []*process.Process
}

// Start starts the control plane of cluster, whose API server's address exists.
// It returns once a Pod can be created in the default namespace.
func Start(ctx context.Context, cluster localplane.Cluster) (*ControlPlane, error) {
	if err := os.MkdirAll(cluster.LogsDir(), 0o755); err != nil {
		return nil, err
	}
	credentials, err := makeCredentials(cluster)
	if err != nil {
		return nil, fmt.Errorf("the control plane's credentials: %w", err)
	}
	c := &ControlPlane{cluster: cluster, health: credentials.client()}
	if c.Config, err = clientcmd.BuildConfigFromFlags("", cluster.Kubeconfig()); err != nil {
		return nil, err
	}
	c.Config.QPS = -1
	if c.Client, err = kubernetes.NewForConfig(c.Config); err != nil {
		return nil, err
	}

	if err := c.start(ctx, etcd(cluster)); err != nil {
		return nil, err
	}
	if err := c.start(ctx, apiServer(cluster, credentials)); err != nil {
		return nil, err
	}
	if err := c.start(ctx, controllerManagerServer(cluster, credentials), schedulerServer(cluster, credentials)); err != nil {
		return nil, err
	}
	return c, c.awaitServiceAccount(ctx)
}

// start starts servers at the same time.
func (c *ControlPlane) start(ctx context.Context, servers ...server) error {
	processes := make([]*process.Process, len(servers))
	var group errgroup.Group
	for i, server := range servers {
		group.Go(func() (err error) {
			path, err := tools.Find(server.name)
			if err != nil {
				return err
			}
			processes[i], err = process.Start(ctx, process.Component{
				Name:    server.name,
				Path:    path,
				Args:    server.args,
				Ready:   server.ready,
				Client:  c.health,
				LogsDir: c.cluster.LogsDir(),
			})
			return err
		})
	}
	err := group.Wait()
	c.processes = append(c.processes, processes...)
	return err
}

// awaitServiceAccount waits for the default ServiceAccount, without which a Pod
// is refused.
func (c *ControlPlane) awaitServiceAccount(ctx context.Context) error {
	return c.await(ctx, "the default ServiceAccount", func(ctx context.Context) bool {
		_, err := c.Client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err == nil
	})
}

// AwaitNode waits until Pods can be scheduled to the cluster's Node.
func (c *ControlPlane) AwaitNode(ctx context.Context) error {
	return c.await(ctx, "the Node", func(ctx context.Context) bool {
		node, err := c.Client.CoreV1().Nodes().Get(ctx, c.cluster.Name, metav1.GetOptions{})
		return err == nil && len(node.Spec.Taints) == 0
	})
}

func (c *ControlPlane) await(ctx context.Context, what string, done func(context.Context) bool) error {
	err := wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		return done(ctx), nil
	})
	if err != nil {
		return fmt.Errorf("the control plane runs, but %s was not ready in time: %w", what, err)
	}
	return nil
}

// Wait waits until a component ends, and returns an error that says which and why.
func (c *ControlPlane) Wait() error {
	ended := make(chan error, len(c.processes))
	for _, process := range c.processes {
		go func() { ended <- process.Wait() }()
	}
	return <-ended
}
