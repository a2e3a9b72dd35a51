package chart_test

import "github.com/modelplane/pulumi-modelplane/provider/internal/chart"

// settings are those of a gateway with every input set.
func settings() chart.Settings {
	return chart.Settings{
		FullName:           "models",
		Namespace:          "modelplane-models",
		Middleware:         "models-entry-point",
		GatewayClassLabels: map[string]string{"modelplane/gateway": "models", "modelplane/gateway-namespace": "modelplane-models"},
		ExposedPort:        8888,
		Replicas:           2,
		ServiceType:        "LoadBalancer",
		ServiceAnnotations: map[string]string{"example.com/scheme": "internal"},
		LoadBalancerClass:  "example.com/lb",
		Labels:             map[string]string{"team": "ml", "app.kubernetes.io/managed-by": "modelplane", "app.kubernetes.io/name": "models"},
		Annotations:        map[string]string{"example.com/owner": "platform"},
	}
}
