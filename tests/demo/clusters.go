package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/modelplane/pulumi-modelplane/tests/load"
	"github.com/modelplane/pulumi-modelplane/tests/localplane"
)

// deploymentName is what the example calls its deployment, and Kubernetes the Deployment on each cluster.
const deploymentName = "gpt-oss"

// twoClusters are east and west, with GPUs, and groq. The model's servers are Pods that the example makes.
func twoClusters(t *terminal, plane localplane.Plane, p *environment) error {
	traefik, err := filepath.Abs(chartFolder)
	if err != nil {
		return err
	}
	envoyGateway, err := exec.LookPath("envoy-gateway")
	if err != nil {
		return fmt.Errorf("make demo-clusters builds it: %w", err)
	}
	key := "gsk_" + rand.Text()
	if _, err := p.serve(t, plane, provider(key)); err != nil {
		return err
	}
	p.model = "openai/gpt-oss-120b"
	p.config = auto.ConfigMap{
		"groqUrl":         {Value: providerURL},
		"groqKey":         {Value: key, Secret: true},
		"chart.name":      {Value: traefik},
		"envoyChart.name": {Value: filepath.Join(filepath.Dir(envoyGateway), "charts", "gateway-helm")},
	}
	for _, name := range p.scene.clusters {
		cluster := plane.Cluster(name)
		kubeconfig, err := os.ReadFile(cluster.Kubeconfig())
		if err != nil {
			return err
		}
		p.config[name+"Key"] = auto.ConfigValue{Value: rand.Text(), Secret: true}
		p.config[name+"Kubeconfig"] = auto.ConfigValue{Value: string(kubeconfig), Secret: true}
		if err := cluster.SetDevices(context.Background(), "nvidia.com/gpu", 16); err != nil {
			return err
		}
		t.details(name + "  " + cluster.APIServer.String() + ", with 16 GPUs that are only declared")
	}
	t.details("groq  " + providerURL + ", which wants a key")
	p.endpoints = func(ctx context.Context) (map[string]string, error) { return endpoints(ctx, plane, p.scene.clusters) }
	return nil
}

// endpoints are the deployment's Pods by name, with the endpoint that leads to each.
func endpoints(ctx context.Context, plane localplane.Plane, clusters []string) (map[string]string, error) {
	of := map[string]string{}
	for _, name := range clusters {
		client, err := plane.Cluster(name).Client()
		if err != nil {
			return nil, err
		}
		pods, err := client.CoreV1().Pods("default").List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		for _, pod := range pods.Items {
			of[pod.Name] = deploymentName + "-" + name
		}
	}
	return of, nil
}

// byEndpoint is a report that counts answers for the endpoint that the model server belongs to.
func byEndpoint(report load.Report, endpoints map[string]string) load.Report {
	counted := map[load.Way]int{}
	for way, count := range report.ByWay {
		if endpoint, found := endpoints[way.Backend]; found {
			way.Backend = endpoint
		}
		counted[way] += count
	}
	report.ByWay = counted
	return report
}
