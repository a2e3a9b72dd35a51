package clusters

import (
	"fmt"
	"strings"
	"testing"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

// program is a Pulumi program in YAML that grows by parts.
type program struct {
	name      string
	resources []string
}

func (p program) with(resources ...string) program {
	return program{p.name, append(append([]string{}, p.resources...), resources...)}
}

func (p program) String() string {
	return fmt.Sprintf("name: %s\nruntime: yaml\nresources:\n%s\n", p.name, strings.Join(p.resources, "\n"))
}

// object is an object of any kind, made after others and deleted before them.
func object(name, text string, after ...string) string {
	return fmt.Sprintf(`  %s:
    type: kubernetes:yaml/v2:ConfigGroup
    options: {dependsOn: [%s]}
    properties: {objs: [%s]}`, name, references(after), text)
}

func references(names []string) string {
	for i, name := range names {
		names[i] = "'${" + name + "}'"
	}
	return strings.Join(names, ", ")
}

// namespace of Envoy Gateway and the proxies.
const namespace = "modelplane-cluster"

// controller is the name by which the class finds this Envoy Gateway, and no other in the cluster.
const controller = "gateway.envoyproxy.io/" + namespace

// workloadCluster is what a cluster gets before any model: Envoy Gateway, a class, and a Gateway at a load balancer.
func workloadCluster(t testing.TB, name string) program {
	return program{name: name}.with(
		fmt.Sprintf(`  namespace: {type: 'kubernetes:core/v1:Namespace', properties: {metadata: {name: %s}}}`, namespace),
		fmt.Sprintf(`  release:
    type: kubernetes:helm.sh/v3:Release
    properties:
      name: envoy-gateway
      namespace: '${namespace.metadata.name}'
      chart: %s
      skipCrds: true
      values: %s`, chart(t, "gateway-helm", "envoy-gateway"), values),
		object("class", `{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: modelplane-cluster},
      spec: {controllerName: `+controller+`}}`, "release"),
		object("gateway", `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway,
      metadata: {name: models, namespace: `+namespace+`, annotations: {pulumi.com/waitFor: condition=Programmed}},
      spec: {gatewayClassName: modelplane-cluster, listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}}`, "class"),
	)
}

// values are those of Envoy Gateway's chart. Its topology injector is a webhook with a ClusterRole that Helm leaves behind,
// and so does it with the rights of the Job that makes certificates, unless the hooks say otherwise.
// What is set for the proxies goes here, and not into an EnvoyProxy, whose CRD is large. Their Pods' grace would be five
// minutes longer than they drain, and the end of their namespace waits for half of it. Probes come every second instead
// of every ten, since the first comes before Envoy listens.
const values = `
        topologyInjector: {enabled: false}
        certgen:
          job: {annotations: {helm.sh/hook-delete-policy: 'before-hook-creation,hook-succeeded'}}
          rbac: {annotations: {helm.sh/hook-delete-policy: 'before-hook-creation,hook-succeeded'}}
        config:
          envoyGateway:
            gateway: {controllerName: ` + controller + `}
            envoyProxy:
              shutdown: {drainTimeout: 5s, minDrainDuration: 0s}
              provider:
                type: Kubernetes
                kubernetes:
                  envoyService: {type: LoadBalancer, externalTrafficPolicy: Cluster}
                  envoyDeployment:
                    patch:
                      type: StrategicMerge
                      value:
                        spec:
                          template:
                            spec:
                              terminationGracePeriodSeconds: 20
                              containers:
                                - {name: envoy, startupProbe: {periodSeconds: 1}, readinessProbe: {periodSeconds: 1}}
                                - {name: shutdown-manager, startupProbe: {periodSeconds: 1}, readinessProbe: {periodSeconds: 1}}`

// model is a model server, with its Service and a route to it, below /default/<name>/. Route is the rest of the route's rule.
func model(name, route string, args ...string) []string {
	labels := "{app: " + name + "}"
	return []string{
		fmt.Sprintf(`  %s-deployment:
    type: kubernetes:apps/v1:Deployment
    properties:
      metadata: {name: %s, namespace: default}
      spec:
        selector: {matchLabels: %s}
        template:
          metadata: {labels: %s}
          spec:
            containers:
              - name: model
                image: modelserver
                args: ['%s']
                ports: [{name: http, containerPort: 8000}]
                readinessProbe: {httpGet: {path: /health, port: http}, periodSeconds: 1}`, name, name, labels, labels, strings.Join(args, "', '")),
		fmt.Sprintf(`  %s-service:
    type: kubernetes:core/v1:Service
    options: {dependsOn: ['${%s-deployment}']}
    properties:
      # Pulumi would wait for endpoints, and 10 s longer than it takes.
      metadata: {name: %s, namespace: default, annotations: {pulumi.com/skipAwait: 'true'}}
      spec: {selector: %s, ports: [{name: http, port: 80, targetPort: http}]}`, name, name, name, labels),
		object(name+"-route", fmt.Sprintf(`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: %s, namespace: default},
      spec: {parentRefs: [{name: models, namespace: %s}], rules: [{
        matches: [{path: {type: PathPrefix, value: /default/%s/}}],
        filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}}],
        backendRefs: [{name: %s, port: 80}]%s}]}}`, name, namespace, name, name, route), "gateway", name+"-service"),
	}
}

// chart is the folder of a tool's chart.
var chart = harness.ToolChart
