package chart

import (
	"maps"
	"slices"
	"strings"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/provider/internal/helm"
)

const (
	// longest is how long a request may take to arrive.
	longest = "600s"
	// acceptSeconds is how long a Pod that ends still takes requests, so that clients have time to learn of it.
	acceptSeconds = 15
	acceptGrace   = "15s"
	// connectionAge is the age after which a client's connection is closed with its next answer. It is less than
	// acceptSeconds, so that a busy connection has moved to another Pod before this one closes what is left. Without it, one or
	// two of 60 busy connections lost a request whenever a Pod ended.
	connectionAge = "10s"
	// spareSeconds is what the kubelet gives a Pod beyond the time that Traefik takes to end.
	spareSeconds = 15
	// readyDelay, in seconds, keeps requests away from a new Pod whose ping answers before it has read its routes: 0.1s
	// before as a rule, more than 1s before on a busy machine.
	readyDelay = 5
)

// Values are the chart's values for a gateway with s.
func Values(s Settings) map[string]any {
	values := map[string]any{
		"fullnameOverride":          s.FullName,
		"commonLabels":              commonLabels(s.Labels),
		"serviceAccountAnnotations": anyMap(s.Annotations),
		"image":                     map[string]any{"tag": DefaultTag},
		"deployment": map[string]any{
			"kind":                          "Deployment",
			"replicas":                      int(s.Replicas),
			"annotations":                   anyMap(s.Annotations),
			"podAnnotations":                map[string]any{PluginAnnotation: plugin.Hash()},
			"terminationGracePeriodSeconds": s.Operations.PodEnd(),
		},
		"updateStrategy": map[string]any{
			"type":          "RollingUpdate",
			"rollingUpdate": map[string]any{"maxUnavailable": 0, "maxSurge": 1},
		},
		"readinessProbe":      map[string]any{"initialDelaySeconds": readyDelay},
		"podDisruptionBudget": podDisruptionBudget(s),
		"service":             service(s),
		"ports":               ports(s),
		"providers":           providers(s),
		"experimental":        map[string]any{"localPlugins": map[string]any{plugin.Name: localPlugin()}},
		"rbac":                map[string]any{"enabled": true, "namespaced": false},
		"global":              map[string]any{"checkNewVersion": false, "sendAnonymousUsage": false},
		// What the chart would make beside Traefik: the component makes the Gateway and its class itself.
		"gateway":      map[string]any{"enabled": false},
		"gatewayClass": map[string]any{"enabled": false},
		"ingressClass": map[string]any{"enabled": false},
		"ingressRoute": map[string]any{
			"dashboard":   map[string]any{"enabled": false},
			"healthcheck": map[string]any{"enabled": false},
		},
		// The API itself is off by an argument: any value of the chart's turns it on, and these are true by default.
		"api": map[string]any{"dashboard": false, "insecure": false},
		"env": slices.Concat(environment(), s.Operations.environment(), s.Observability.environment(s), s.Shared.environment()),
	}
	values = helm.Overlay(values, s.Operations.values(s.FullName))
	values = helm.Overlay(values, s.Clients.values())
	if s.TraefikVersion != "" {
		values["versionOverride"] = "v" + strings.TrimPrefix(s.TraefikVersion, "v")
	}
	values = helm.Overlay(values, s.Observability.values(s))
	values["additionalArguments"] = slices.Concat(arguments(s), s.Observability.arguments(), entryPointArguments(values))
	return values
}

// commonLabels leaves out what Helm and the chart set themselves: a key twice is not valid YAML.
func commonLabels(labels map[string]string) map[string]any {
	common := anyMap(labels)
	for _, key := range []string{
		"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/managed-by", "helm.sh/chart",
	} {
		delete(common, key)
	}
	return common
}

// podDisruptionBudget would only block the draining of the node for a single Pod.
func podDisruptionBudget(s Settings) map[string]any {
	replicas := s.Replicas
	if a := s.Operations.Autoscaling; a != nil {
		replicas = a.MaxReplicas
	}
	if replicas < 2 {
		return map[string]any{"enabled": false}
	}
	return map[string]any{"enabled": true, "maxUnavailable": 1}
}

func service(s Settings) map[string]any {
	annotations := anyMap(s.Annotations)
	maps.Copy(annotations, anyMap(s.ServiceAnnotations))
	spec := map[string]any{"type": s.ServiceType}
	if s.LoadBalancerClass != "" {
		spec["loadBalancerClass"] = s.LoadBalancerClass
	}
	if len(s.SourceRanges) > 0 {
		spec["loadBalancerSourceRanges"] = s.SourceRanges
	}
	return map[string]any{"enabled": true, "single": true, "annotations": annotations, "spec": spec}
}

func ports(s Settings) map[string]any {
	if s.HTTPS != nil {
		return httpsPorts(s)
	}
	return map[string]any{
		"web": entryPoint(s, ListenerPort, s.ExposedPort),
		// The chart's entry point for HTTPS stays, unreachable, where the gateway has no listener for it.
		"websecure": map[string]any{"expose": map[string]any{"default": false}},
	}
}

// entryPoint is what all entry points for clients have in common.
func entryPoint(s Settings, port int, exposed int32) map[string]any {
	return map[string]any{
		"port":        port,
		"exposedPort": int(exposed),
		"expose":      map[string]any{"default": true},
		"protocol":    "TCP",
		"http": map[string]any{
			"middlewares":       entryPointMiddlewares(s),
			"encodedCharacters": encodedCharacters(),
		},
		"transport": map[string]any{
			"respondingTimeouts": map[string]any{
				"readTimeout": longest,
				// Counted from the request's first byte, it would cut every long stream.
				"writeTimeout": "0s",
			},
			"lifeCycle": map[string]any{
				"requestAcceptGraceTimeout": acceptGrace,
				"graceTimeOut":              s.Operations.drain(),
			},
			"keepAliveMaxTime": connectionAge,
		},
	}
}

// encodedCharacters are those that paths may have. Names of models and files may hold any of them but the first two, which no server needs in a
// path and some read as another one.
func encodedCharacters() map[string]any {
	return map[string]any{
		"allowEncodedBackSlash":     false,
		"allowEncodedNullCharacter": false,
		"allowEncodedSlash":         true,
		"allowEncodedSemicolon":     true,
		"allowEncodedPercent":       true,
		"allowEncodedQuestionMark":  true,
		"allowEncodedHash":          true,
	}
}

func entryPointMiddlewares(s Settings) []any { return []any{safeName(s, s.Middleware)} }

// safeName names a Middleware of the gateway as Traefik does with safe names
// (https://github.com/traefik/traefik/blob/v3.7.13/pkg/provider/kubernetes/crd/name_builder.go).
func safeName(s Settings, middleware string) string {
	return s.Namespace + "_" + middleware + "@kubernetescrd"
}

// providers are where routes and Middlewares come from. A reference such as chat@kubernetesgateway or prometheus@internal
// reaches any namespace's services, with their keys, and Traefik's own; an empty list would permit it everywhere.
func providers(s Settings) map[string]any {
	own := []any{s.Namespace}
	return map[string]any{
		// Reads the Middlewares that add keys.
		"kubernetesCRD": map[string]any{
			"enabled":    true,
			"safeNaming": true,
			// A class that no IngressRoute can ask for. With none, or one that can be guessed, any namespace
			// could take this gateway's requests. It does not apply to Middlewares.
			"ingressClass":                 "$(" + secretClass + ")",
			"allowCrossNamespace":          false,
			"crossProviderNamespaces":      own,
			"defaultTLSResourcesNamespace": s.Namespace,
		},
		"kubernetesIngress": map[string]any{"enabled": false, "crossProviderNamespaces": own},
		"kubernetesGateway": map[string]any{
			"enabled":                 true,
			"experimentalChannel":     false,
			"crossProviderNamespaces": own,
			// Without a selector each Traefik serves every gateway of the cluster.
			"labelSelector": selector(s.GatewayClassLabels),
			// A Service that does not exist here would stop every route.
			"statusAddress": map[string]any{"service": map[string]any{
				"enabled": true, "name": s.FullName, "namespace": s.Namespace,
			}},
		},
	}
}

func selector(labels map[string]string) string {
	var terms []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		terms = append(terms, key+"="+labels[key])
	}
	return strings.Join(terms, ",")
}

// localPlugin carries the plugin's source: the chart puts it into a ConfigMap, and Traefik interprets it.
func localPlugin() map[string]any {
	return map[string]any{
		"moduleName": plugin.ModuleName,
		"type":       "inlinePlugin",
		"mountPath":  "/plugins-local/src/" + plugin.ModuleName,
		"source":     anyMap(plugin.Files()),
	}
}

func anyMap(m map[string]string) map[string]any {
	values := make(map[string]any, len(m))
	for key, value := range m {
		values[key] = value
	}
	return values
}
