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

// operations are those of a gateway that asks for all of it.
func operations() chart.Operations {
	return chart.Operations{
		Autoscaling:   &chart.Autoscaling{MinReplicas: 3, MaxReplicas: 9, TargetCPU: 70},
		DrainSeconds:  1800,
		PriorityClass: "urgent",
		NodeSelector:  map[string]string{"pool": "edge"},
		Tolerations:   []any{map[string]any{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}},
		Resources:     map[string]any{"requests": map[string]any{"cpu": "1"}, "limits": map[string]any{"memory": "1Gi"}},
		Spread:        true,
	}
}

func clients() chart.Clients {
	return chart.Clients{TrafficPolicy: "Local", TrustedProxies: []string{"10.0.0.0/8"}, ProxyProtocol: true}
}
