package plugin

import (
	"strconv"
	"strings"
)

// Price is what a million tokens of an endpoint cost, in whatever currency. Without CachedInput, cached tokens cost as much as others of the input.
type Price struct {
	Input       float64  `json:"input,omitempty"`
	Output      float64  `json:"output,omitempty"`
	CachedInput *float64 `json:"cachedInput,omitempty"`
}

// of is what these tokens cost.
func (p Price) of(u usage) float64 {
	cached := p.Input
	if p.CachedInput != nil {
		cached = *p.CachedInput
	}
	return (float64(u.input-u.cached)*p.Input + float64(u.cached)*cached + float64(u.output)*p.Output) / 1e6
}

// tokenRow are the tokens of one caller, for one model, of one endpoint.
type tokenRow struct {
	labels string
	usage  usage
	cost   float64
	sizes  *sizes
	// isPriced says that the endpoint has a price.
	isPriced bool
}

// sizes are how many tokens the requests for one model of one endpoint have and get.
type sizes struct {
	labels        string
	input, output histogram
}

// tokenBuckets are the bounds that OpenTelemetry gives (https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/#metric-gen_aiclienttokenusage).
var tokenBuckets = []float64{1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864}

// tokenTally is what is counted of one service's tokens.
type tokenTally struct {
	rows  map[string]*tokenRow
	sizes map[string]*sizes
	// models are those that are told apart.
	models map[string]bool
	// silent are the streams that have not said how many tokens they took, by endpoint.
	silent map[string]int
}

func newTokenTally() tokenTally {
	return tokenTally{rows: map[string]*tokenRow{}, sizes: map[string]*sizes{}, models: map[string]bool{}, silent: map[string]int{}}
}

// unmetered counts a stream that has not said how many tokens it took. Of other answers nobody knows whether they took any.
func (t *tally) unmetered(endpoint string, streams bool) {
	if !streams {
		return
	}
	t.lock.Lock()
	defer t.lock.Unlock()
	if _, has := t.tokens.silent[endpoint]; !has && len(t.tokens.silent) >= maxTimings {
		endpoint = beyond
	}
	t.tokens.silent[endpoint]++
}

// addTokens counts the tokens of an answer.
func addTokens(t *tally, endpoint, caller, requested, served string, u usage, cost float64, isPriced bool) {
	key := endpoint + "\n" + caller + "\n" + requested + "\n" + served
	t.lock.Lock()
	row := t.tokens.rows[key]
	if row == nil {
		row = t.tokens.addRow(key, endpoint, caller, requested, served)
	}
	addUsage(&row.usage, u)
	row.cost += cost
	row.isPriced = row.isPriced || isPriced
	addTo(&row.sizes.input, tokenBuckets, float64(u.input))
	addTo(&row.sizes.output, tokenBuckets, float64(u.output))
	t.lock.Unlock()
}

func addUsage(sum *usage, u usage) {
	sum.input += u.input
	sum.output += u.output
	sum.cached += u.cached
	sum.reasoning += u.reasoning
}

// maxModels is how many models of one service are told apart. Some servers answer by any name that a client makes up.
const maxModels = 50

// modelLabel is a model as the value of a label.
func (t *tokenTally) modelLabel(name string) string {
	name = label(name)
	if !t.models[name] && len(t.models) >= maxModels {
		return beyond
	}
	t.models[name] = true
	return name
}

// addRow makes the row of a caller, a model and an endpoint that have not been there together, or finds the one that all others share.
func (t *tokenTally) addRow(key, endpoint, caller, requested, served string) *tokenRow {
	requested = t.modelLabel(requested)
	served = t.modelLabel(served)
	if requested == beyond || served == beyond {
		key = endpoint + "\n" + caller + "\n" + requested + "\n" + served
	}
	if len(t.rows) >= maxRows {
		endpoint, caller, requested, served = beyond, beyond, beyond, beyond
		key = beyond
	}
	if known := t.rows[key]; known != nil {
		return known
	}
	made := &tokenRow{
		labels: `model_endpoint="` + label(endpoint) + `",caller="` + label(caller) + `",` + modelLabels(requested, served),
		sizes:  t.sizesOf(endpoint, requested, served),
	}
	t.rows[key] = made
	return made
}

func (t *tokenTally) sizesOf(endpoint, requested, served string) *sizes {
	key := endpoint + "\n" + requested + "\n" + served
	if known, has := t.sizes[key]; has {
		return known
	}
	if len(t.sizes) >= maxTimings {
		endpoint, requested, served = beyond, beyond, beyond
		key = beyond
		if known, has := t.sizes[key]; has {
			return known
		}
	}
	made := &sizes{labels: `model_endpoint="` + label(endpoint) + `",` + modelLabels(requested, served)}
	t.sizes[key] = made
	return made
}

func modelLabels(requested, served string) string {
	return `gen_ai_request_model="` + requested + `",gen_ai_response_model="` + served + `"`
}

var (
	tokensTotal = family{
		"modelplane_tokens_total", "counter",
		"Tokens that answers say they took, by endpoint, caller, model and type. Those of input_cached are among the input, and of output_reasoning among the output.",
	}
	costTotal    = family{"modelplane_cost_total", "counter", "What these tokens cost at their endpoints' prices, in the currency of these."}
	silentTotal  = family{"modelplane_unmetered_streams_total", "counter", "Streams that have not said how many tokens they took."}
	tokensOfEach = family{"gen_ai_client_token_usage", "histogram", "Tokens of each request, by endpoint, model and type."}
)

// tokenReport are the figures of tokens.
type tokenReport struct{ tokens, cost, silent, sizes strings.Builder }

func (p *tokenReport) add(t *tokenTally, service string) {
	for _, row := range t.rows {
		labels := service + "," + row.labels
		for _, of := range []struct {
			kind   string
			count  int
			isPart bool
		}{{"input", row.usage.input, false}, {"output", row.usage.output, false}, {"input_cached", row.usage.cached, true}, {"output_reasoning", row.usage.reasoning, true}} {
			if of.count > 0 || !of.isPart {
				line(&p.tokens, tokensTotal.name, labels+`,gen_ai_token_type="`+of.kind+`"`, strconv.Itoa(of.count))
			}
		}
		if row.isPriced {
			line(&p.cost, costTotal.name, labels, strconv.FormatFloat(row.cost, 'g', -1, 64))
		}
	}
	for endpoint := range t.silent {
		line(&p.silent, silentTotal.name, service+`,model_endpoint="`+label(endpoint)+`"`, strconv.Itoa(t.silent[endpoint]))
	}
	for _, size := range t.sizes {
		size.input.lines(&p.sizes, tokenBuckets, tokensOfEach.name, service+","+size.labels+`,gen_ai_token_type="input"`)
		size.output.lines(&p.sizes, tokenBuckets, tokensOfEach.name, service+","+size.labels+`,gen_ai_token_type="output"`)
	}
}

func (p *tokenReport) text() string {
	return tokensTotal.with(&p.tokens) + costTotal.with(&p.cost) + silentTotal.with(&p.silent) + tokensOfEach.with(&p.sizes)
}
