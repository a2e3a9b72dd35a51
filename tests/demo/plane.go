package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"

	"github.com/modelplane/pulumi-modelplane/tests/localplane"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

const (
	startPlane   = "Start Kubernetes: etcd, API server, controllers, a node"
	chartFolder  = "tests/charts/traefik"
	providerName = "api.groq.example"
	providerURL  = "https://" + providerName + "/openai/v1"
	// tokenDelay is that of a model that one can just about read along with.
	tokenDelay = 60 * time.Millisecond
)

// inPlane starts the model servers in this process, on addresses of the plane.
func (s scene) inPlane(t *terminal, plane localplane.Plane) (*environment, error) {
	p := &environment{
		scene: s, began: time.Now(), requests: 300, rate: 200, around: 50, patience: 30 * time.Second,
		explain: func() string { return explainPlane(plane) }, leave: func() {},
	}
	if began, err := strconv.ParseInt(os.Getenv(beganVariable), 10, 64); err == nil {
		p.began = time.UnixMilli(began)
		t.announced(startPlane, time.Since(p.began))
	}
	for _, name := range []string{
		// There is nowhere to load plugins from.
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION",
		// What is made ends with the plane, so that no state is needed after each step. Writing it takes most of an operation's time.
		"PULUMI_EXPERIMENTAL", "PULUMI_SKIP_CHECKPOINTS",
	} {
		if err := os.Setenv(name, "true"); err != nil {
			return nil, err
		}
	}
	if err := s.prepare(t, plane, p); err != nil {
		p.leave()
		return nil, err
	}
	return p, nil
}

// twoModels are a large one at near, both replicas of far, and groq, and a small one at mini. Each server insists on its own name for its
// model.
func twoModels(t *terminal, plane localplane.Plane, p *environment) error {
	chart, err := filepath.Abs(chartFolder)
	if err != nil {
		return err
	}
	key := "gsk_" + rand.Text()
	own, small := []string{"meta-llama/Llama-3.3-70B-Instruct"}, []string{"Qwen/Qwen3-8B"}
	groq := provider(key)
	groq.Models = []string{"llama-3.3-70b-versatile"}
	servers, err := p.serve(t, plane,
		modelserver.Options{Name: "near", Address: ":8000", BasePath: "/v1", Models: own, Reply: "Hello from near, a model server of your own on the cluster next door."},
		modelserver.Options{Name: "far", Address: ":8000", BasePath: "/v3", Models: own, Reply: "Hello from far, a replica of your own on another cluster."},
		modelserver.Options{Name: "far", Address: ":8000", BasePath: "/v3", Models: own, Reply: "Hello from far, the other replica on that cluster."},
		modelserver.Options{Name: "mini", Address: ":8000", BasePath: "/v1", Models: small, Reply: "Hello from mini, a small model."},
		groq)
	if err != nil {
		return err
	}
	near, far, mini := servers[0], servers[1:3], servers[3]
	t.details("near  "+near.URL(), "far   "+far[0].URL()+", "+far[1].URL(), "mini  "+mini.URL()+", a small model", "groq  "+providerURL+", which wants a key")
	p.kill = func() error { return crash(far) }
	p.model, p.key, p.otherKey = largeModel, rand.Text(), rand.Text()
	p.config = auto.ConfigMap{
		"nearUrl":    {Value: near.URL()},
		"farUrls[0]": {Value: far[0].URL()},
		"farUrls[1]": {Value: far[1].URL()},
		"groqUrl":    {Value: providerURL},
		"groqKey":    {Value: key, Secret: true},
		"model":      {Value: own[0]},
		"groqModel":  {Value: groq.Models[0]},
		"miniUrl":    {Value: mini.URL()},
		"smallModel": {Value: small[0]},
		"searchKey":  {Value: p.key, Secret: true},
		"labsKey":    {Value: p.otherKey, Secret: true},
		"chart.name": {Value: chart},
	}
	return nil
}

// provider is a provider's server, which wants this key.
func provider(key string) modelserver.Options {
	return modelserver.Options{
		Name: "groq", Address: ":443", BasePath: "/openai/v1", Keys: []string{key},
		Reply: "Hello from groq, a provider that wants TLS, its own path and a key.",
	}
}

// serve starts model servers, which end with the environment.
func (p *environment) serve(t *terminal, plane localplane.Plane, all ...modelserver.Options) (servers []*modelserver.Server, err error) {
	p.leave = func() {
		for _, server := range servers {
			_ = server.Close()
		}
	}
	err = t.step("Start model servers", func(func(string)) (string, error) {
		servers, err = startServers(plane, all)
		return "", err
	})
	return servers, err
}

// crash ends servers without a wait for what they are answering.
func crash(servers []*modelserver.Server) error {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	var errs []error
	for _, server := range servers {
		errs = append(errs, server.Shutdown(over))
	}
	return errors.Join(errs...)
}

// startServers starts servers in their order. Those with a key have a certificate that the plane's Pods trust.
func startServers(plane localplane.Plane, all []modelserver.Options) ([]*modelserver.Server, error) {
	ca, err := modelserver.NewCA()
	if err != nil {
		return nil, err
	}
	certificate, err := ca.Issue([]string{providerName}, nil)
	if err != nil {
		return nil, err
	}
	address := localplane.Free4.Addr()
	var servers []*modelserver.Server
	for _, options := range all {
		address = address.Next()
		if len(options.Keys) > 0 {
			options.Certificate = certificate
			if err := plane.AddHost(providerName, address); err != nil {
				return servers, err
			}
		}
		options.Address = address.String() + options.Address
		options.TokenDelay = tokenDelay
		if err := plane.AddAddress(address); err != nil {
			return servers, err
		}
		server, err := modelserver.Start(options)
		if err != nil {
			return servers, err
		}
		servers = append(servers, server)
	}
	return servers, plane.Trust(ca.PEM())
}

// explainPlane is the end of each Pod's log, and where more is to be found.
func explainPlane(plane localplane.Plane) string {
	var text strings.Builder
	var logs []string
	for _, cluster := range plane.Clusters {
		found, _ := filepath.Glob(filepath.Join(cluster.PodsDir(), "*.log"))
		logs = append(logs, found...)
	}
	for _, log := range logs {
		content, err := os.ReadFile(log)
		if err != nil || len(content) == 0 {
			continue
		}
		fmt.Fprintf(&text, "The end of the log of Pod %s:\n%s\n", strings.TrimSuffix(filepath.Base(log), ".log"), lastLines(string(content), 12))
	}
	if len(logs) == 0 {
		text.WriteString("No Pod has written a log.\n")
	}
	fmt.Fprintf(&text, "All logs, those of Kubernetes in %s and those of Pods in %s, end with the plane.\n"+
		"MODELPLANE_KEEP=1 in the environment keeps them.", filepath.Base(plane.LogsDir()), filepath.Base(plane.PodsDir()))
	return text.String()
}

// colours are the sequences by which Traefik paints its log.
var colours = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// lastLines are the last n lines of text, indented and without colours.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(colours.ReplaceAllString(text, "")), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-n):], "\n  ") + "\n"
}
