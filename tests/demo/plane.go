package main

import (
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
	// tokenDelay is that of a model that one can just about read along with.
	tokenDelay = 60 * time.Millisecond
)

// inPlane starts the model servers in this process, on addresses of the plane.
func inPlane(t *terminal, plane localplane.Plane) (*environment, error) {
	p := &environment{
		began: time.Now(), model: "demo", requests: 500, rate: 200, around: 50, patience: 30 * time.Second,
		explain: func() string { return explainPlane(plane) },
	}
	if began, err := strconv.ParseInt(os.Getenv(beganVariable), 10, 64); err == nil {
		p.began = time.UnixMilli(began)
		t.announced(startPlane, time.Since(p.began))
	}
	// There is nowhere to load plugins from.
	if err := os.Setenv("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION", "true"); err != nil {
		return nil, err
	}
	chart, err := filepath.Abs(chartFolder)
	if err != nil {
		return nil, err
	}
	key := "gsk_" + rand.Text()
	var servers []*modelserver.Server
	p.leave = func() {
		for _, server := range servers {
			_ = server.Close()
		}
	}
	err = t.step("Start model servers", func(func(string)) (string, error) {
		servers, err = startServers(plane, key)
		return "", err
	})
	if err != nil {
		p.leave()
		return nil, err
	}
	near, far1, far2 := servers[0].URL(), servers[1].URL(), servers[2].URL()
	groq := "https://" + providerName + "/openai/v1"
	t.details("near  "+near, "far   "+far1+", "+far2, "groq  "+groq+", which wants a key")
	p.config = auto.ConfigMap{
		"nearUrl":    {Value: near},
		"farUrls[0]": {Value: far1},
		"farUrls[1]": {Value: far2},
		"groqUrl":    {Value: groq},
		"groqKey":    {Value: key, Secret: true},
		"chart.name": {Value: chart},
	}
	return p, nil
}

// startServers starts near, both replicas of far, and groq, in this order, with a certificate that the plane's Pods trust.
func startServers(plane localplane.Plane, key string) ([]*modelserver.Server, error) {
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
	for _, options := range []modelserver.Options{
		{Name: "near", Address: ":8000", BasePath: "/v1", Reply: "Hello from near, a model server of your own on the cluster next door."},
		{Name: "far", Address: ":8000", BasePath: "/v3", Reply: "Hello from far, a replica of your own on another cluster."},
		{Name: "far", Address: ":8000", BasePath: "/v3", Reply: "Hello from far, the other replica on that cluster."},
		{Name: "groq", Address: ":443", BasePath: "/openai/v1", Reply: "Hello from groq, a provider that wants TLS, its own path and a key.", Keys: []string{key}, Certificate: certificate},
	} {
		address = address.Next()
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
	return servers, errors.Join(plane.AddHost(providerName, address), plane.Trust(ca.PEM()))
}

// explainPlane is the end of each Pod's log, and where more is to be found.
func explainPlane(plane localplane.Plane) string {
	var text strings.Builder
	logs, _ := filepath.Glob(filepath.Join(plane.PodsDir(), "*.log"))
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
		"MODELPLANE_KEEP=1 make demo keeps them.", filepath.Base(plane.LogsDir()), filepath.Base(plane.PodsDir()))
	return text.String()
}

// colours are the sequences by which Traefik paints its log.
var colours = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// lastLines are the last n lines of text, indented and without colours.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(colours.ReplaceAllString(text, "")), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-n):], "\n  ") + "\n"
}
