package plugin

import (
	"errors"
	"net/http"
	"os"
	"strconv"
	"strings"
)

// EndpointHeader names, on an answer, the endpoint that gave it. The service's route sets it.
const EndpointHeader = "X-Modelplane-Endpoint"

// What the access log, which looks at the answer's header at the end of all, is told of a request. These are no names of headers, so that neither clients nor servers can send them, and Go's server
// leaves them out of the answer.
const (
	LoggedService  = "Modelplane/Service"
	LoggedEndpoint = "Modelplane/Endpoint"
	LoggedCaller   = "Modelplane/Caller"
	// These are OpenTelemetry's names (https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai), without the dots, at which Traefik would split them.
	LoggedRequestModel  = "Modelplane/gen_ai_request_model"
	LoggedResponseModel = "Modelplane/gen_ai_response_model"
	LoggedInput         = "Modelplane/gen_ai_usage_input_tokens"
	LoggedOutput        = "Modelplane/gen_ai_usage_output_tokens"
	LoggedCached        = "Modelplane/gen_ai_usage_cache_read_input_tokens"
	LoggedReasoning     = "Modelplane/gen_ai_usage_reasoning_output_tokens"
	LoggedCost          = "Modelplane/Cost"
)

// What the access log is told of each request, and where tokens are counted.
var (
	Logged       = []string{LoggedService, LoggedEndpoint, LoggedCaller}
	LoggedTokens = []string{LoggedRequestModel, LoggedResponseModel, LoggedInput, LoggedOutput, LoggedCached, LoggedReasoning, LoggedCost}
)

// LogVariable is the environment variable that says whether there is an access log.
const LogVariable = "MODELPLANE_ACCESS_LOG"

var hasLog = os.Getenv(LogVariable) != ""

// counter counts the requests of one service, times their answers, and counts the tokens of these.
type counter struct {
	service []string
	tally   *tally
	// reads says that tokens are counted; prices are those of endpoints.
	reads  bool
	prices map[string]Price
	next   http.Handler
}

// newCounter makes the counter of config's service.
func newCounter(next http.Handler, config *Config, name string) (*counter, error) {
	if !isOwn(config.Service, name) {
		return nil, errors.New("count is for a service, as namespace/name, in the Middleware's own namespace")
	}
	t := tallyOf(namespaceOf(config.Service), config.Service)
	t.ask(config.Weights)
	return &counter{service: []string{config.Service}, tally: t, reads: config.Tokens, prices: config.Prices, next: next}, nil
}

func namespaceOf(service string) string {
	namespace, _, _ := strings.Cut(service, "/")
	return namespace
}

// ServeHTTP passes a request on and counts it at its end, also where its answer breaks off.
func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := answerTo(r)
	isNew := a == nil
	if isNew {
		a = newAnswer(w)
	}
	if c.reads {
		if a.reading == nil {
			readTokens(a, r)
		}
		if held := bodyHeld(r); held != nil {
			a.reading.requested = held.model
		}
		if isNew {
			r = withAnswer(r, a)
		}
	}
	beginRequest(c.tally)
	isWhole := false
	defer func() { endCounted(c, a, r, isWhole) }()
	if isNew {
		// The interpreter hands on the methods of http.Hijacker only where the value's own type is known.
		c.next.ServeHTTP(a, r)
	} else {
		c.next.ServeHTTP(w, r)
	}
	isWhole = true
	sendWhole(a)
}

// endCounted counts a request whose answer has ended. A client that leaves breaks an answer off, too.
func endCounted(c *counter, a *answer, r *http.Request, isWhole bool) {
	endAnswer(a)
	caller := r.Header.Get(CallerHeader)
	endpoint := endpointOf(a)
	endRequest(c.tally, a, endpoint, caller, !isWhole && r.Context().Err() == nil)
	if hasLog {
		c.log(a, endpoint, caller)
	}
	if c.reads && a.reading != nil && a.reading.kind != unread {
		endTokens(c, a, endpoint, caller)
	}
}

// log tells the access log of a request.
func (c *counter) log(a *answer, endpoint, caller string) {
	header := a.writer.Header()
	header[LoggedService] = c.service
	if endpoint != "" {
		header[LoggedEndpoint] = []string{endpoint}
	}
	if caller != "" {
		header[LoggedCaller] = []string{caller}
	}
}

// endTokens counts the tokens of an answer.
func endTokens(c *counter, a *answer, endpoint, caller string) {
	g := a.reading
	if !g.isKnown || g.isBegun {
		c.tally.unmetered(endpoint, g.kind == inEvents)
	}
	if !g.isKnown {
		return
	}
	requested, served := modelsOf(a, g)
	cost := 0.0
	price, isPriced := c.prices[endpoint]
	if isPriced {
		cost = price.of(g.usage)
	}
	addTokens(c.tally, endpoint, caller, requested, served, g.usage, cost, isPriced)
	if hasLog {
		logTokens(a.writer.Header(), requested, served, g.usage, cost, isPriced)
	}
}

// modelsOf are the model that was asked for, and the one that has answered.
func modelsOf(a *answer, g *reading) (requested, served string) {
	requested = g.requested
	if requested == "" {
		requested = g.model
	}
	served = a.writer.Header().Get(ModelHeader)
	if served == "" {
		served = g.model
	}
	return requested, served
}

// logTokens tells the access log.
func logTokens(header http.Header, requested, served string, u usage, cost float64, isPriced bool) {
	header[LoggedRequestModel] = []string{requested}
	header[LoggedResponseModel] = []string{served}
	header[LoggedInput] = []string{strconv.Itoa(u.input)}
	header[LoggedOutput] = []string{strconv.Itoa(u.output)}
	header[LoggedCached] = []string{strconv.Itoa(u.cached)}
	header[LoggedReasoning] = []string{strconv.Itoa(u.reasoning)}
	if isPriced {
		header[LoggedCost] = []string{strconv.FormatFloat(cost, 'g', 6, 64)}
	}
}

// endpointOf is who gave the answer; "" where the gateway itself did. Nothing sets the header of a switched protocol, so that it would be the
// server's own.
func endpointOf(a *answer) string {
	if a.status == http.StatusSwitchingProtocols {
		return ""
	}
	return a.writer.Header().Get(EndpointHeader)
}
