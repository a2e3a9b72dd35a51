package controlplane

import (
	"path/filepath"

	"github.com/modelplane/pulumi-modelplane/tests/localplane"
)

const etcdURL = "http://127.0.0.1:2379"

// server is a component of the control plane: its program's name, its
// arguments, and the URL that answers 200 OK once it is ready.
type server struct {
	name  string
	args  []string
	ready string
}

// etcd forgets what it holds when the machine stops, as the plane does.
func etcd(plane localplane.Plane) server {
	return server{
		name: "etcd",
		args: []string{
			"--data-dir=" + filepath.Join(plane.Dir, "etcd"),
			"--listen-client-urls=" + etcdURL,
			"--advertise-client-urls=" + etcdURL,
			"--listen-peer-urls=http://127.0.0.1:2380",
			"--unsafe-no-fsync",
			"--log-level=warn",
		},
		ready: etcdURL + "/health",
	}
}

// apiServer leaves admission and authorization as they are in a real cluster,
// ServiceAccount admission and RBAC above all: what a chart forgets to allow
// must fail here.
func apiServer(c credentials) server {
	return server{
		name: "kube-apiserver",
		args: []string{
			"--etcd-servers=" + etcdURL,
			"--bind-address=" + localplane.APIServer.Addr().String(),
			"--advertise-address=" + localplane.APIServer.Addr().String(),
			"--secure-port=6443",
			"--service-cluster-ip-range=" + localplane.Services.String(),
			"--tls-cert-file=" + c.certificate(),
			"--tls-private-key-file=" + c.key(),
			"--token-auth-file=" + c.tokens(),
			"--authorization-mode=RBAC",
			"--service-account-issuer=https://kubernetes.default.svc",
			"--service-account-key-file=" + c.serviceAccountKey(),
			"--service-account-signing-key-file=" + c.serviceAccountKey(),
		},
		ready: "https://" + localplane.APIServer.String() + "/readyz",
	}
}

func controllerManagerServer(c credentials) server {
	return server{
		name: "kube-controller-manager",
		args: []string{
			"--kubeconfig=" + c.kubeconfig(controllerManager),
			"--leader-elect=false",
			"--root-ca-file=" + c.certificate(),
			"--service-account-private-key-file=" + c.serviceAccountKey(),
			"--bind-address=127.0.0.1",
			"--tls-cert-file=" + c.certificate(),
			"--tls-private-key-file=" + c.key(),
		},
		ready: "https://127.0.0.1:10257/healthz",
	}
}

func schedulerServer(c credentials) server {
	return server{
		name: "kube-scheduler",
		args: []string{
			"--kubeconfig=" + c.kubeconfig(scheduler),
			"--leader-elect=false",
			"--bind-address=127.0.0.1",
			"--tls-cert-file=" + c.certificate(),
			"--tls-private-key-file=" + c.key(),
		},
		ready: "https://127.0.0.1:10259/healthz",
	}
}
