package traffic

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/localplane"
)

// installServiceMonitors installs a CRD of that name, as Prometheus' operator brings one.
func installServiceMonitors(t *testing.T) {
	crds := harness.NewCluster(t).Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	_, err := crds.Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": "servicemonitors.monitoring.coreos.com"},
		"spec": map[string]any{
			"group": "monitoring.coreos.com", "scope": "Namespaced",
			"names": map[string]any{"kind": "ServiceMonitor", "listKind": "ServiceMonitorList", "plural": "servicemonitors", "singular": "servicemonitor"},
			"versions": []any{map[string]any{"name": "v1", "served": true, "storage": true, "schema": map[string]any{
				"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true},
			}}},
		},
	}}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = crds.Delete(context.Background(), "servicemonitors.monitoring.coreos.com", metav1.DeleteOptions{})
	})
	require.Eventually(t, func() bool {
		_, err := harness.NewCluster(t).Resource(serviceMonitors).List(t.Context(), metav1.ListOptions{})
		return err == nil
	}, 20*time.Second, 100*time.Millisecond)
}

// oddServer answers as servers seldom do.
type oddServer struct {
	address, host string
	port          int
	// next lets a stream go on.
	next chan bool
}

func serveOdd(t *testing.T) *oddServer {
	host := harness.FreeAddress(t, localplane.Free4).String()
	o := &oddServer{host: host, port: 8000, address: host + ":8000", next: make(chan bool)}
	serveAt(t, o.address, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Odd", "yes")
		flush := func() { _ = http.NewResponseController(w).Flush() }
		switch strings.TrimPrefix(r.URL.Path, "/v1") {
		case "/events", "/chunks":
			if strings.HasSuffix(r.URL.Path, "events") {
				w.Header().Set("Content-Type", "text/event-stream")
			}
			w.WriteHeader(http.StatusOK)
			flush()
			for i := range 5 {
				select {
				case <-o.next:
				case <-r.Context().Done():
					return
				}
				_, _ = fmt.Fprintf(w, "data: %d\n", i)
				flush()
			}
		case "/cut":
			_, _ = io.WriteString(w, "data: 1\n")
			flush()
			panic(http.ErrAbortHandler)
		case "/hang-up":
			panic(http.ErrAbortHandler)
		case "/forged":
			w.Header().Set("X-Modelplane-Endpoint", "forged")
		case "/socket":
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "websocket")
			w.WriteHeader(http.StatusSwitchingProtocols)
			connection, buffered, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.Copy(connection, buffered)
				_ = connection.Close()
			}
		}
	})
	return o
}

func serveAt(t *testing.T, address string, handler http.HandlerFunc) {
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(handler)
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
}

// collector takes what is sent by OTLP.
type collector struct {
	address string
	lock    sync.Mutex
	bodies  map[string]string
	seen    map[string]bool
}

func collect(t *testing.T) *collector {
	c := &collector{address: harness.FreeAddress(t, localplane.Free4).String() + ":4318", bodies: map[string]string{}, seen: map[string]bool{}}
	serveAt(t, c.address, func(_ http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			unpacked, err := gzip.NewReader(r.Body)
			if err != nil {
				return
			}
			body = unpacked
		}
		content, _ := io.ReadAll(body)
		c.lock.Lock()
		defer c.lock.Unlock()
		c.bodies[r.URL.Path] += string(content)
		c.seen[r.Header.Get("X-Collector-Key")] = true
	})
	return c
}

func (c *collector) received(path string) string {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.bodies[path]
}

func (c *collector) keys() map[string]bool {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.seen
}
