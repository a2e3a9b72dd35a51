package gateway

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
)

// panel is one graph of the dashboard. In its queries, SELECT stands for the gateway's figures of the services that are chosen.
type panel struct {
	title, description, unit string
	queries                  []query
}

type query struct{ expr, legend string }

// panels are the graphs, two in a row.
var panels = []panel{
	{"Requests", "Requests a second to each service.", "reqps", []query{
		{`sum by (model_service) (rate(modelplane_requests_total{SELECT}[$__rate_interval]))`, "{{model_service}}"},
	}},
	{"Under way", "Requests that have no whole answer yet.", "short", []query{
		{`sum by (model_service) (modelplane_requests_in_flight{SELECT})`, "{{model_service}}"},
	}},
	{"Share got and share asked for", "Each endpoint's part of the requests that a server was asked, beside the part that the program asks for.", "percentunit", []query{
		{
			`sum by (model_service, model_endpoint) (rate(modelplane_requests_total{SELECT,model_endpoint!=""}[$__rate_interval]))` +
				` / on (model_service) group_left sum by (model_service) (rate(modelplane_requests_total{SELECT,model_endpoint!=""}[$__rate_interval]))`,
			"{{model_service}} {{model_endpoint}}: got",
		},
		{`max by (model_service, model_endpoint) (modelplane_share_asked{SELECT})`, "{{model_service}} {{model_endpoint}}: asked for"},
	}},
	{"Answers by status", "Answers a second by their HTTP status.", "reqps", []query{
		{`sum by (code) (rate(modelplane_requests_total{SELECT}[$__rate_interval]))`, "{{code}}"},
	}},
	{"Errors", "The part of each endpoint's answers with a status of 500 or more. Without an endpoint, the gateway itself has answered.", "percentunit", []query{
		{
			`sum by (model_service, model_endpoint) (rate(modelplane_requests_total{SELECT,code=~"5.."}[$__rate_interval]))` +
				` / sum by (model_service, model_endpoint) (rate(modelplane_requests_total{SELECT}[$__rate_interval]))`,
			"{{model_service}} {{model_endpoint}}",
		},
	}},
	{"Answers cut off", "Answers a second that broke off although the client was still there.", "reqps", []query{
		{`sum by (model_service, model_endpoint) (rate(modelplane_cut_answers_total{SELECT}[$__rate_interval]))`, "{{model_service}} {{model_endpoint}}"},
	}},
	{"Time to the first token", "From a request's arrival to the first event of a streamed answer.", "s", quantiles("modelplane_first_token_seconds")},
	{"Time to the first byte", "From a request's arrival to the header of its answer.", "s", quantiles("modelplane_first_byte_seconds")},
	{"Time to the whole answer", "From a request's arrival to the end of its answer.", "s", quantiles("modelplane_request_duration_seconds")},
	{"Failovers", "Requests a second that went on to another endpoint after this one: its answer's status, timeout, or unreachable.", "reqps", []query{
		{
			`sum by (model_service, model_endpoint, reason) (rate(modelplane_failovers_total{SELECT}[$__rate_interval]))`,
			"{{model_service}} {{model_endpoint}}: {{reason}}",
		},
	}},
	{"Ejections", "How often a second an endpoint was left out for a time because it had failed.", "short", []query{
		{`sum by (model_service, model_endpoint) (rate(modelplane_ejections_total{SELECT}[$__rate_interval]))`, "{{model_service}} {{model_endpoint}}"},
	}},
	{"Requests by caller", "Requests a second of each caller whose key the gateway knows.", "reqps", []query{
		{`sum by (caller) (rate(modelplane_requests_total{SELECT,caller!=""}[$__rate_interval]))`, "{{caller}}"},
	}},
	{"Refused for a limit, by caller", "Answers a second with the status 429, a server's own included.", "reqps", []query{
		{`sum by (caller) (rate(modelplane_requests_total{SELECT,code="429"}[$__rate_interval]))`, "{{caller}}"},
	}},
}

// tokenPanels are those of a gateway that counts tokens.
var tokenPanels = []panel{
	{"Tokens by caller", "Tokens a second of each caller, those of requests and of answers.", "short", []query{
		{`sum by (caller, gen_ai_token_type) (rate(modelplane_tokens_total{SELECT,gen_ai_token_type=~"input|output"}[$__rate_interval]))`, "{{caller}}: {{gen_ai_token_type}}"},
	}},
	{"Tokens by model", "Tokens a second for each model, by the endpoint that has served it.", "short", []query{
		{
			`sum by (gen_ai_response_model, model_endpoint, gen_ai_token_type) (rate(modelplane_tokens_total{SELECT,gen_ai_token_type=~"input|output"}[$__rate_interval]))`,
			"{{gen_ai_response_model}} {{model_endpoint}}: {{gen_ai_token_type}}",
		},
	}},
	{"Cost by caller", "What the tokens of a day cost at the endpoints' prices, in the currency of these.", "short", []query{
		{`sum by (caller) (increase(modelplane_cost_total{SELECT}[1d]))`, "{{caller}}"},
	}},
	{"Streams without tokens", "Streams a second that have not said how many tokens they took.", "reqps", []query{
		{`sum by (model_service, model_endpoint) (rate(modelplane_unmetered_streams_total{SELECT}[$__rate_interval]))`, "{{model_service}} {{model_endpoint}}"},
	}},
}

func quantiles(histogram string) []query {
	var queries []query
	for _, quantile := range []string{"0.5", "0.95", "0.99"} {
		queries = append(queries, query{
			fmt.Sprintf("histogram_quantile(%s, sum by (le, model_service, model_endpoint) (rate(%s_bucket{SELECT}[$__rate_interval])))", quantile, histogram),
			"{{model_service}} {{model_endpoint}} p" + strings.TrimPrefix(quantile+"0", "0.")[:2],
		})
	}
	return queries
}

// dashboard is Grafana's model of a dashboard (https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/)
// for the gateway alone: others send figures to the same Prometheus.
func (p plan) dashboard() string {
	const width, height = 12, 8
	selected := fmt.Sprintf(`gateway="%s",model_service=~"$service"`, p.label())
	shown := panels
	if p.settings.Observability.Tokens {
		shown = slices.Concat(panels, tokenPanels)
	}
	var graphs []any
	for i, of := range shown {
		var targets []any
		for j, q := range of.queries {
			targets = append(targets, map[string]any{
				"refId": string(rune('A' + j)), "expr": strings.ReplaceAll(q.expr, "SELECT", selected), "legendFormat": q.legend, "datasource": source,
			})
		}
		graphs = append(graphs, map[string]any{
			"id": i + 1, "type": "timeseries", "title": of.title, "description": of.description, "datasource": source, "targets": targets,
			"gridPos":     map[string]any{"x": i % 2 * width, "y": i / 2 * height, "w": width, "h": height},
			"fieldConfig": map[string]any{"defaults": map[string]any{"unit": of.unit, "min": 0}, "overrides": []any{}},
		})
	}
	services := fmt.Sprintf(`label_values(modelplane_requests_in_flight{gateway="%s"}, model_service)`, p.label())
	// Maps of texts and numbers always marshal.
	text, _ := json.MarshalIndent(map[string]any{
		"uid": "modelplane-" + names.Hash(p.label()), "title": "Models behind " + p.label(), "tags": []string{"modelplane"},
		"schemaVersion": 39, "editable": true, "refresh": "30s", "time": map[string]any{"from": "now-1h", "to": "now"}, "panels": graphs,
		"templating": map[string]any{"list": []any{
			map[string]any{"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"},
			map[string]any{
				"name": "service", "type": "query", "label": "Service", "datasource": source, "query": services, "refresh": 2,
				"includeAll": true, "allValue": ".*", "multi": true, "current": map[string]any{"text": "All", "value": "$__all"},
			},
		}},
	}, "", "  ")
	return string(text) + "\n"
}

// source is the Prometheus that the dashboard's reader chooses.
var source = map[string]any{"type": "prometheus", "uid": "${datasource}"}
