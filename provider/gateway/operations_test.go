package gateway

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/provider/internal/amount"
	"github.com/modelplane/pulumi-modelplane/provider/internal/chart"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/placement"
)

// TestOperationsThatCannotWorkAreRefused would catch a gateway that Kubernetes refuses when half of it exists, and one that never scales.
func TestOperationsThatCannotWorkAreRefused(t *testing.T) {
	scaled := func(least, most, target int) func(*Args) {
		return func(a *Args) {
			a.Autoscaling = &Autoscaling{MinReplicas: least, MaxReplicas: most, TargetCPUUtilization: target}
		}
	}
	for want, change := range map[string]func(*Args){
		"replicas: is given beside autoscaling, which chooses the number of replicas; leave one of them out": func(a *Args) {
			a.Replicas = 3
			scaled(2, 3, 80)(a)
		},
		"autoscaling.minReplicas: 0 is outside 1 to 1000":                           scaled(0, 3, 80),
		"autoscaling.maxReplicas: 3 is outside minReplicas, which is 4, to 1000":    scaled(4, 3, 80),
		"autoscaling.maxReplicas: 1001 is outside minReplicas, which is 4, to 1000": scaled(4, 1001, 80),
		"autoscaling.targetCpuUtilization: 0 is outside 1 to 100":                   scaled(1, 1, 0),
		"autoscaling.targetCpuUtilization: 101 is outside 1 to 100":                 scaled(1, 1, 101),
		"replicas: 1001 is outside 1 to 1000":                                       func(a *Args) { a.Replicas = 1001 },
		"drainSeconds: 0 is outside 1 to 3600":                                      func(a *Args) { a.DrainSeconds = 0 },
		"drainSeconds: 3601 is outside 1 to 3600":                                   func(a *Args) { a.DrainSeconds = 3601 },
		`priorityClassName: "Urgent" is not a name of a Kubernetes object`:          func(a *Args) { a.PriorityClassName = ptr.To("Urgent") },
		`nodeSelector["a b"]: name part must consist`:                               func(a *Args) { a.NodeSelector = map[string]string{"a b": ""} },
		`nodeSelector.pool: a valid label must be an empty string`:                  func(a *Args) { a.NodeSelector = map[string]string{"pool": "a b"} },
		`tolerations[1].key: is empty; write the key of the taint`:                  func(a *Args) { a.Tolerations = []placement.Toleration{{Key: "a"}, {}} },
		`resources.limits.cpu: "x" is not a quantity`:                               func(a *Args) { a.Resources = &amount.Resources{Limits: map[string]string{"cpu": "x"}} },
		"resources.requests.cpu: is 0, and autoscaling goes by the share of it that is u": func(a *Args) {
			scaled(1, 2, 80)(a)
			a.Resources = &amount.Resources{Requests: map[string]string{"cpu": "0"}}
		},
	} {
		a := defaults()
		change(&a)
		faults := check("gw", a)
		require.Len(t, faults, 1, want)
		assert.Contains(t, faults.Err().Error(), want)
	}
}

// TestAReplicaThatIsScaledByItsCPUAsksForSome would catch an autoscaler that can tell no share of what is not asked for, and never scales.
func TestAReplicaThatIsScaledByItsCPUAsksForSome(t *testing.T) {
	for _, c := range []struct {
		resources *amount.Resources
		requests  any
	}{
		{nil, map[string]any{"cpu": "500m"}},
		{&amount.Resources{Requests: map[string]string{"memory": "1Gi"}}, map[string]any{"cpu": "500m", "memory": "1Gi"}},
		{&amount.Resources{Requests: map[string]string{"cpu": "2"}}, map[string]any{"cpu": "2"}},
		{&amount.Resources{Limits: map[string]string{"cpu": "2"}}, nil},
	} {
		a := defaults()
		a.Resources = c.resources
		p := planned(t, a)
		if c.resources == nil {
			assert.Empty(t, p.settings.Operations.Resources, "without autoscaling")
		}
		a.Autoscaling = &Autoscaling{MinReplicas: 2, MaxReplicas: 5, TargetCPUUtilization: 80}
		assert.Equal(t, c.requests, planned(t, a).settings.Operations.Resources["requests"])
	}
}

// TestEveryTimeOutFollowsTheDrain would catch a Pod that is killed, or that Pulumi gives up waiting for, before its streams have had
// their time.
func TestEveryTimeOutFollowsTheDrain(t *testing.T) {
	for _, c := range []struct {
		seconds int
		pod     int
		grace   string
		end     string
	}{{600, 630, "600s", "11m"}, {1, 31, "1s", "2m"}, {30, 60, "30s", "2m"}, {3600, 3630, "3600s", "61m"}} {
		a := defaults()
		a.DrainSeconds = c.seconds
		values := chart.Values(planned(t, a).settings)
		assert.Equal(t, c.pod, values["deployment"].(map[string]any)["terminationGracePeriodSeconds"])
		transport := values["ports"].(map[string]any)["web"].(map[string]any)["transport"].(map[string]any)
		assert.Equal(t, c.grace, transport["lifeCycle"].(map[string]any)["graceTimeOut"])
		assert.Contains(t, values["additionalArguments"], "--entryPoints.modelplane.transport.lifeCycle.graceTimeOut="+c.grace)
		assert.Equal(t, "600s", transport["respondingTimeouts"].(map[string]any)["readTimeout"])
		assert.Equal(t, c.end, only(t, rendered(t, a), anchorKey).DeleteTimeout)
	}
}

// TestBodiesKeepToTheLimitThatTheChartIsGiven would catch a replica whose requests' bodies take more memory than it has, because its limit is among the
// chart's values.
func TestBodiesKeepToTheLimitThatTheChartIsGiven(t *testing.T) {
	for _, c := range []struct {
		ours   string
		values map[string]any
		want   string
	}{
		{"2Gi", nil, "536870912"},
		{"", limits("512Mi"), "134217728"},
		{"", limits(536870912.), "134217728"},
		{"2Gi", limits("512Mi"), "134217728"},
		{"2Gi", limits("a lot"), "536870912"},
		{"", map[string]any{"resources": map[string]any{"limits": map[string]any{"cpu": "1"}}}, ""},
	} {
		a := defaults()
		if c.ours != "" {
			a.Resources = &amount.Resources{Limits: map[string]string{"memory": c.ours}}
		}
		a.Chart = &Chart{Name: "traefik", Values: c.values}
		got := ""
		for _, variable := range planned(t, a).values(a.Source)["env"].([]any) {
			if v := variable.(map[string]any); v["name"] == plugin.BodyMemoryVariable {
				got = v["value"].(string)
			}
		}
		assert.Equal(t, c.want, got, "%+v", c)
	}
}

func limits(memory any) map[string]any {
	return map[string]any{"resources": map[string]any{"limits": map[string]any{"memory": memory}}}
}

// TestWhatIsNotUsedIsNotMade would catch an object that a gateway did not ask for.
func TestWhatIsNotUsedIsNotMade(t *testing.T) {
	for _, r := range rendered(t, defaults()) {
		assert.NotContains(t, []string{networkPolicyKey, floorKey}, r.Key)
	}
}

// TestANetworkPolicyLetsInWhatMustComeIn would catch a listener that clients cannot reach, and a port of Traefik's own that they can.
func TestANetworkPolicyLetsInWhatMustComeIn(t *testing.T) {
	a := defaults()
	a.NetworkPolicy = true
	policy := only(t, rendered(t, a), networkPolicyKey)
	assert.True(t, policy.Owned)
	assert.Equal(t, kube.NetworkPolicy, policy.Kind)
	assert.Equal(t, map[string]any{
		"podSelector": map[string]any{"matchLabels": map[string]any{"modelplane/gateway": "gw"}},
		"policyTypes": []any{"Ingress"},
		"ingress": []any{
			map[string]any{"ports": []any{map[string]any{"protocol": "TCP", "port": 8000.}}},
			map[string]any{
				"ports": []any{map[string]any{"protocol": "TCP", "port": 9100.}},
				"from":  []any{map[string]any{"namespaceSelector": map[string]any{}}},
			},
		},
	}, policy.Object["spec"])
	labels := chart.Values(planned(t, a).settings)["deployment"].(map[string]any)["podLabels"]
	assert.Equal(t, map[string]any{"modelplane/gateway": "gw"}, labels, "the Pods that it is for")
}

// TestAutoscalingBeginsAtItsLeast would catch a number of replicas that goes to 1 when the chart leaves it out, and one that is written
// again after the cluster has chosen another.
func TestAutoscalingBeginsAtItsLeast(t *testing.T) {
	a := defaults()
	a.Autoscaling = &Autoscaling{MinReplicas: 3, MaxReplicas: 5, TargetCPUUtilization: 80}
	first := only(t, rendered(t, a), floorKey)
	assert.Equal(t, map[string]any{"replicas": 3.}, first.Object["spec"])
	assert.Equal(t, []string{"metadata", "spec"}, first.IgnoreChanges)
	assert.True(t, first.Keep)
	assert.Contains(t, only(t, rendered(t, a), workloadKey).After, floorKey, "what is waited for")
}

// TestHTTPSIsOperatedLikeHTTP would catch a listener that the NetworkPolicy shuts or a port that it leaves open, and an entry point that cuts streams or believes
// others than the plain one does.
func TestHTTPSIsOperatedLikeHTTP(t *testing.T) {
	for mode, want := range map[PlainHTTP][]any{Redirect: {8000., 8443.}, Serve: {8000., 8443.}, Off: {8443.}} {
		a := defaults()
		a.NetworkPolicy, a.DrainSeconds, a.TrustedProxies, a.ProxyProtocol = true, 900, []string{"10.0.0.0/8"}, true
		a.HTTPS = &HTTPS{CertManager: &CertManager{IssuerName: "a", IssuerKind: "Issuer", IssuerGroup: "cert-manager.io"}, Hostnames: []string{"models.example.com"}, HTTP: ptr.To(mode), Port: 443}
		rules := only(t, rendered(t, a), networkPolicyKey).Object["spec"].(map[string]any)["ingress"].([]any)
		var open []any
		for _, port := range rules[0].(map[string]any)["ports"].([]any) {
			open = append(open, port.(map[string]any)["port"])
		}
		assert.Equal(t, want, open, mode)
		ports := chart.Values(planned(t, a).settings)["ports"].(map[string]any)
		web, websecure := ports["web"].(map[string]any), ports["websecure"].(map[string]any)
		for _, concern := range []string{"transport", "forwardedHeaders", "proxyProtocol"} {
			assert.NotEmpty(t, web[concern], concern)
			assert.Equal(t, web[concern], websecure[concern], "%s %s", mode, concern)
		}
		assert.Equal(t, "900s", websecure["transport"].(map[string]any)["lifeCycle"].(map[string]any)["graceTimeOut"])
	}
}

// only is the child with this key.
func only(t *testing.T, all []child.Rendered, key string) child.Rendered {
	t.Helper()
	for _, r := range all {
		if r.Key == key {
			return r
		}
	}
	require.Fail(t, "no child "+key)
	return child.Rendered{}
}
