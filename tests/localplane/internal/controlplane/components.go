package controlplane

import (
	"fmt"
	"path/filepath"

	"github.com/modelplane/pulumi-modelplane/tests/localplane"
)

// server is a component of the control plane: its program's name, its
// arguments, and the URL that answers 200 OK once it is ready.
type server struct {
	name  string
	args  []string
	ready string
}

// etcd forgets what it holds when the machine stops, as the plane does.
func etcd(cluster localplane.Cluster) server {
	clients, peers := etcdURL(cluster), fmt.Sprintf("http://%s:2380", cluster.Loopback)
	return server{
		name: "etcd",
		args: []string{
			"--name=" + cluster.Name,
			"--data-dir=" + filepath.Join(cluster.Dir, "etcd"),
			"--listen-client-urls=" + clients,
			"--advertise-client-urls=" + clients,
			"--listen-peer-urls=" + peers,
			"--initial-advertise-peer-urls=" + peers,
			"--initial-cluster=" + cluster.Name + "=" + peers,
			"--unsafe-no-fsync",
			"--log-level=warn",
		},
		ready: clients + "/health",
	}
}

func etcdURL(cluster localplane.Cluster) string {
	return fmt.Sprintf("http://%s:2379", cluster.Loopback)
}

// apiServer leaves admission and authorization as they are in a real cluster,
// ServiceAccount admission and RBAC above all: what a chart forgets to allow
// must fail here.
func apiServer(cluster localplane.Cluster, c credentials) server {
	return server{
		name: "kube-apiserver",
		args: []string{
			"--etcd-servers=" + etcdURL(cluster),
			"--bind-address=" + cluster.APIServer.Addr().String(),
			"--advertise-address=" + cluster.APIServer.Addr().String(),
			fmt.Sprintf("--secure-port=%d", cluster.APIServer.Port()),
			"--service-cluster-ip-range=" + cluster.Services.String(),
			"--tls-cert-file=" + c.certificate(),
			"--tls-private-key-file=" + c.key(),
			"--token-auth-file=" + c.tokens(),
			"--authorization-mode=RBAC",
			"--service-account-issuer=https://kubernetes.default.svc",
			"--service-account-key-file=" + c.serviceAccountKey(),
			"--service-account-signing-key-file=" + c.serviceAccountKey(),
		},
		ready: "https://" + cluster.APIServer.String() + "/readyz",
	}
}

func controllerManagerServer(cluster localplane.Cluster, c credentials) server {
	return server{
		name: "kube-controller-manager",
		args: []string{
			"--kubeconfig=" + c.kubeconfig(controllerManager),
			"--leader-elect=false",
			"--root-ca-file=" + c.certificate(),
			"--service-account-private-key-file=" + c.serviceAccountKey(),
			"--bind-address=" + cluster.Loopback.String(),
			"--tls-cert-file=" + c.certificate(),
			"--tls-private-key-file=" + c.key(),
		},
		ready: fmt.Sprintf("https://%s:10257/healthz", cluster.Loopback),
	}
}

func schedulerServer(cluster localplane.Cluster, c credentials) server {
	return server{
		name: "kube-scheduler",
		args: []string{
			"--kubeconfig=" + c.kubeconfig(scheduler),
			"--leader-elect=false",
			"--bind-address=" + cluster.Loopback.String(),
			"--tls-cert-file=" + c.certificate(),
			"--tls-private-key-file=" + c.key(),
		},
		ready: fmt.Sprintf("https://%s:10259/healthz", cluster.Loopback),
	}
}
