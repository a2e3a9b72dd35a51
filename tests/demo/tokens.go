package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/modelplane/pulumi-modelplane/tests/load"
)

const (
	// The models as clients call them.
	largeModel = "large"
	smallModel = "small"
	// gatewayNamespace is the one that the example's gateway makes.
	gatewayNamespace = "modelplane-gateway"
	gatewayPods      = "app.kubernetes.io/name=traefik"
	metricsPort      = "9100"
)

// asking is who asks for which model.
type asking struct{ caller, model string }

// spending is how many requests were answered, and the tokens that they took.
type spending struct{ requests, input, output int }

// ledger is what a gateway has counted.
type ledger map[asking]spending

// meter has both teams ask for both models by the one URL, if there are two teams, and shows what the gateway has counted of it.
func (d demo) meter(ctx context.Context) error {
	e := d.environment
	if e.otherKey == "" {
		return nil
	}
	before, unread := readLedger(ctx)
	sent := 0
	err := d.step("Ask for two models by one URL, with two keys", func(func(string)) (string, error) {
		failed := 0
		var errs []error
		for _, ask := range []struct {
			key, model string
			tenths     int
		}{{e.key, largeModel, 4}, {e.key, smallModel, 1}, {e.otherKey, largeModel, 2}, {e.otherKey, smallModel, 3}} {
			config := d.load(e.requests * ask.tenths / 10)
			from := caller{model: ask.model, key: ask.key}
			config.Header, config.Body = from.header(), from.body(false)
			report := load.Do(ctx, config)
			sent, failed, errs = sent+report.Total, failed+report.Failed, append(errs, report.Err())
		}
		return fmt.Sprintf("%d of %d failed", failed, sent), errors.Join(errs...)
	})
	if err != nil {
		return err
	}
	var counted ledger
	if unread == nil {
		counted, unread = awaitLedger(ctx, before, sent)
	}
	switch {
	case unread == nil:
		d.details("What the gateway has counted, at /metrics on port " + metricsPort + " of each of its Pods:")
		d.block(tokens(counted))
	case e.byHand != "":
		d.details("The gateway's figures cannot be read from here: " + unread.Error() + ". By hand:")
		d.details(append(strings.Split(e.byHand, "\n"), "")...)
		return nil
	}
	return unread
}

// awaitLedger is what has been counted since before. A request counts when its answer has ended at the gateway, which may be a moment later
// than at the client.
func awaitLedger(ctx context.Context, before ledger, requests int) (ledger, error) {
	for deadline := time.Now().Add(5 * time.Second); ; {
		now, err := readLedger(ctx)
		if err != nil {
			return nil, err
		}
		since, counted := now.since(before), 0
		for _, spent := range since {
			counted += spent.requests
		}
		if counted >= requests {
			return since, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("the gateway has counted %d of %d requests", counted, requests)
		}
		time.Sleep(retryDelay)
	}
}

// readLedger adds up the figures of the gateway's Pods, which the API server leads to also from outside of their network.
func readLedger(ctx context.Context) (ledger, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), nil).ClientConfig()
	if err != nil {
		return nil, err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	pods := client.CoreV1().Pods(gatewayNamespace)
	list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: gatewayPods})
	if err != nil {
		return nil, err
	}
	l := ledger{}
	for _, pod := range list.Items {
		// One that ends may not answer any more.
		if pod.DeletionTimestamp != nil {
			continue
		}
		text, err := pods.ProxyGet("http", pod.Name, metricsPort, "/metrics", nil).Stream(ctx)
		if err != nil {
			return nil, err
		}
		if err := errors.Join(l.add(text), text.Close()); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// add adds one Pod's figures. Requests are counted by service, and the example's services have the names of its models.
func (l ledger) add(text io.Reader) error {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(text)
	if err != nil {
		return fmt.Errorf("the gateway's figures cannot be read: %w", err)
	}
	for _, metric := range families["modelplane_requests_total"].GetMetric() {
		of := labels(metric.GetLabel())
		if of["code"] == "200" {
			l.count(of, spending{requests: int(metric.GetCounter().GetValue())})
		}
	}
	for _, metric := range families["modelplane_tokens_total"].GetMetric() {
		of, count := labels(metric.GetLabel()), int(metric.GetCounter().GetValue())
		// Those of other types are among these.
		switch of["gen_ai_token_type"] {
		case "input":
			l.count(of, spending{input: count})
		case "output":
			l.count(of, spending{output: count})
		}
	}
	return nil
}

func (l ledger) count(of map[string]string, more spending) {
	_, service, _ := strings.Cut(of["model_service"], "/")
	key := asking{of["caller"], service}
	spent := l[key]
	l[key] = spending{spent.requests + more.requests, spent.input + more.input, spent.output + more.output}
}

// labels are a figure's, by name.
func labels[L interface {
	GetName() string
	GetValue() string
}](pairs []L) map[string]string {
	of := map[string]string{}
	for _, pair := range pairs {
		of[pair.GetName()] = pair.GetValue()
	}
	return of
}

// since is what has come on top of before.
func (l ledger) since(before ledger) ledger {
	more := ledger{}
	for key, spent := range l {
		was := before[key]
		if spent != was {
			more[key] = spending{spent.requests - was.requests, spent.input - was.input, spent.output - was.output}
		}
	}
	return more
}

// tokens shows a ledger by caller and model.
func tokens(l ledger) string {
	lines := [][]string{{"CALLER", "MODEL", "REQUESTS", "INPUT TOKENS", "OUTPUT TOKENS"}}
	for _, key := range slices.SortedFunc(maps.Keys(l), func(a, b asking) int {
		return cmp.Or(strings.Compare(a.caller, b.caller), strings.Compare(a.model, b.model))
	}) {
		spent := l[key]
		lines = append(lines, []string{key.caller, key.model, strconv.Itoa(spent.requests), strconv.Itoa(spent.input), strconv.Itoa(spent.output)})
	}
	return align(lines, 2, 3, 4)
}
