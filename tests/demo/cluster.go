package main

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
)

// The variables that name the model servers of a cluster of the reader's own.
const (
	nearVariable  = "MODELPLANE_DEMO_NEAR"
	farVariable   = "MODELPLANE_DEMO_FAR"
	groqVariable  = "MODELPLANE_DEMO_GROQ"
	keyVariable   = "MODELPLANE_DEMO_GROQ_KEY"
	modelVariable = "MODELPLANE_DEMO_MODEL"
	miniVariable  = "MODELPLANE_DEMO_MINI"
	smallVariable = "MODELPLANE_DEMO_SMALL"
	chartVariable = "MODELPLANE_DEMO_CHART"
)

const needed = `the cluster of KUBECONFIG cannot reach model servers inside this program, so the demo needs some that it can reach; missing: %s

  ` + nearVariable + `      a base URL, such as http://10.0.0.7:8000/v1
  ` + farVariable + `       one base URL or several with commas between, such as http://10.20.0.11:8000/v3,http://10.20.0.12:8000/v3
  ` + keyVariable + `  the key of the provider
  ` + modelVariable + `     a model that all of them serve under this name
  ` + miniVariable + `      the base URL of a server of a second, small model (default: ` + nearVariable + `)
  ` + smallVariable + `     what that server calls the small model (default: ` + modelVariable + `)
  ` + groqVariable + `      the provider's base URL (default: the example's, https://api.groq.com/openai/v1)
  ` + chartVariable + `     Traefik's Helm chart, a path or an OCI reference (default: the published one)

Without KUBECONFIG the demo runs in a local plane and needs none of this`

// inCluster takes the cluster of KUBECONFIG, and model servers from the environment. They may cost money and are sent
// little.
func inCluster(t *terminal, s scene) (*environment, error) {
	var missing []string
	for _, name := range []string{nearVariable, farVariable, keyVariable, modelVariable} {
		if os.Getenv(name) == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf(needed, strings.Join(missing, ", "))
	}
	t.title(s.title + ", in the cluster of " + os.Getenv("KUBECONFIG"))
	p := &environment{
		scene: s, began: time.Now(), model: largeModel, requests: 20, rate: 2, around: 4, patience: 2 * time.Minute,
		lasting: true, explain: func() string { return explainCluster }, leave: func() {}, byHand: readByHand,
		config: auto.ConfigMap{
			"nearUrl":    {Value: os.Getenv(nearVariable)},
			"groqKey":    {Value: os.Getenv(keyVariable), Secret: true},
			"model":      {Value: os.Getenv(modelVariable)},
			"groqModel":  {Value: os.Getenv(modelVariable)},
			"miniUrl":    {Value: cmp.Or(os.Getenv(miniVariable), os.Getenv(nearVariable))},
			"smallModel": {Value: cmp.Or(os.Getenv(smallVariable), os.Getenv(modelVariable))},
		},
	}
	p.key, p.otherKey = rand.Text(), rand.Text()
	p.config["searchKey"] = auto.ConfigValue{Value: p.key, Secret: true}
	p.config["labsKey"] = auto.ConfigValue{Value: p.otherKey, Secret: true}
	for i, url := range strings.Split(os.Getenv(farVariable), ",") {
		p.config[fmt.Sprintf("farUrls[%d]", i)] = auto.ConfigValue{Value: strings.TrimSpace(url)}
	}
	for key, variable := range map[string]string{"groqUrl": groqVariable, "chart.name": chartVariable} {
		if value := os.Getenv(variable); value != "" {
			p.config[key] = auto.ConfigValue{Value: value}
		}
	}
	return p, nil
}

const explainCluster = `What to look at in the cluster:
  kubectl --namespace ` + gatewayNamespace + ` get pods,services,events
  kubectl --namespace ` + gatewayNamespace + ` logs --selector ` + gatewayPods + `
  kubectl --namespace default describe httproute catalog large`

// readByHand goes through the Pods' node, since not every API server reaches Pods.
const readByHand = `kubectl --namespace ` + gatewayNamespace + ` port-forward deployment/gateway ` + metricsPort + `   # one of its Pods
curl -s http://localhost:` + metricsPort + `/metrics | grep -E '^modelplane_(requests|tokens)_total'`
