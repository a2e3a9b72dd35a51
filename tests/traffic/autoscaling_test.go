package traffic

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/localplane"
)

// busyReplicas would catch an autoscaler that cannot tell how busy a replica is, since it asks for no CPU, and one that is for other Pods. The
// cluster's own controller decides. What the replicas use is made up, as the plane has no metrics server.
func (o *operated) busyReplicas(t *testing.T) {
	o.serveMetrics(t, "15m") // of 20m
	require.Eventually(t, func() bool {
		ready := 0
		for _, pod := range o.pods(t) {
			if pod.ready {
				ready++
			}
		}
		return ready == 4
	}, 2*time.Minute, time.Second, "%v", o.of(t, autoscalers, "status"))
	assert.EqualValues(t, 4, o.of(t, autoscalers, "status", "desiredReplicas"), "of which there may be four")
}

// serveMetrics is the cluster's API of what Pods use, where each of the gateway's uses that much CPU.
func (o *operated) serveMetrics(t *testing.T, cpu string) {
	t.Helper()
	address := harness.FreeAddress(t, localplane.Free4)
	certificate, err := harness.CA.Issue([]string{"metrics.test"}, nil)
	require.NoError(t, err)
	listener, err := tls.Listen("tcp", net.JoinHostPort(address.String(), "443"), &tls.Config{Certificates: []tls.Certificate{*certificate}})
	require.NoError(t, err)
	const version = "metrics.k8s.io/v1beta1"
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, value any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(value)
	}
	mux.HandleFunc("GET /apis/"+version, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, metav1.APIResourceList{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "APIResourceList"}, GroupVersion: version,
			APIResources: []metav1.APIResource{{Name: "pods", Kind: "PodMetrics", Namespaced: true, Verbs: metav1.Verbs{"get", "list"}}},
		})
	})
	mux.HandleFunc("GET /apis/"+version+"/namespaces/modelplane-gw/pods", func(w http.ResponseWriter, r *http.Request) {
		list, err := o.cluster.Resource(pods).Namespace("modelplane-gw").List(r.Context(), metav1.ListOptions{LabelSelector: r.URL.Query().Get("labelSelector")})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		items := []any{}
		for _, pod := range list.Items {
			items = append(items, map[string]any{
				"metadata":  map[string]any{"name": pod.GetName(), "namespace": pod.GetNamespace(), "labels": pod.GetLabels()},
				"timestamp": time.Now().UTC().Format(time.RFC3339), "window": "1s",
				"containers": []any{map[string]any{"name": "gw", "usage": map[string]any{"cpu": cpu, "memory": "64Mi"}}},
			})
		}
		answer(w, map[string]any{"apiVersion": version, "kind": "PodMetricsList", "metadata": map[string]any{}, "items": items})
	})
	server := &http.Server{Handler: mux} //nolint:gosec // it serves one test
	t.Cleanup(func() { _ = server.Close() })
	go server.Serve(listener) //nolint:errcheck // returns when the test ends

	port := map[string]any{"name": "https", "port": 443, "protocol": "TCP"}
	o.make(t, services, "kube-system", "v1", "Service", map[string]any{"spec": map[string]any{"ports": []any{port}}})
	o.make(t, schema.GroupVersionResource{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"}, "kube-system", "discovery.k8s.io/v1",
		"EndpointSlice", map[string]any{
			"addressType": "IPv4", "ports": []any{port},
			"endpoints": []any{map[string]any{"addresses": []any{address.String()}, "conditions": map[string]any{"ready": true}}},
		})
	o.make(t, schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}, "", "apiregistration.k8s.io/v1", "APIService",
		map[string]any{"spec": map[string]any{
			"group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100, "insecureSkipTLSVerify": true,
			"service": map[string]any{"namespace": "kube-system", "name": "metrics"},
		}})
}

// make makes an object called metrics, or v1beta1.metrics.k8s.io where it has no namespace, for the time of the test.
func (o *operated) make(t *testing.T, resource schema.GroupVersionResource, namespace, apiVersion, kind string, fields map[string]any) {
	t.Helper()
	name := "metrics"
	metadata := map[string]any{"name": name, "labels": map[string]any{"kubernetes.io/service-name": name}}
	if namespace == "" {
		name = "v1beta1.metrics.k8s.io"
		metadata = map[string]any{"name": name}
	}
	fields["apiVersion"], fields["kind"], fields["metadata"] = apiVersion, kind, metadata
	text, err := json.Marshal(fields)
	require.NoError(t, err)
	object := &unstructured.Unstructured{}
	require.NoError(t, object.UnmarshalJSON(text))
	in := o.cluster.Resource(resource).Namespace(namespace)
	_, err = in.Create(t.Context(), object, metav1.CreateOptions{})
	require.NoError(t, err, fmt.Sprint(kind))
	t.Cleanup(func() { _ = in.Delete(context.Background(), name, metav1.DeleteOptions{}) })
}
