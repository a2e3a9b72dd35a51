package plugin

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MetricsVariable is the environment variable with the name of the one Middleware that may show figures. Any team can make one, in front of a
// route of its own.
const MetricsVariable = "MODELPLANE_METRICS"

// reporter adds what is counted to the answer of Traefik's own metrics. A plugin cannot register its figures with Traefik's.
type reporter struct {
	gateway string
	next    http.Handler
}

// notMetrics answers what is not a request for metrics: a route that somebody attaches to their entry point.
var notMetrics = refusal{http.StatusNotFound, "invalid_request_error", "not_found", "The gateway's metrics are at /metrics."}

// ServeHTTP answers with Traefik's figures, and ours after them. Both are in the text format, which can be continued where it ends, as the
// others cannot. Traefik's route for this path comes before all others.
func (p *reporter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/metrics" {
		refuse(w, r, notMetrics)
		return
	}
	r.Header.Set("Accept", "text/plain;version=0.0.4")
	r.Header.Del("Accept-Encoding")
	p.next.ServeHTTP(w, r)
	_, _ = w.Write([]byte(report(time.Now(), label(p.gateway))))
}

// family is one kind of figure in the text format (https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format).
type family struct{ name, kind, help string }

var (
	requestsTotal = family{
		"modelplane_requests_total", "counter",
		"Requests to a service, by the endpoint that answered (none where the gateway itself did), the caller, and the answer's status.",
	}
	cutTotal       = family{"modelplane_cut_answers_total", "counter", "Answers that broke off although the client was still there."}
	failoversTotal = family{
		"modelplane_failovers_total", "counter",
		"Requests that went on to another endpoint after this one: its answer's status, or timeout, or unreachable.",
	}
	ejectionsTotal = family{"modelplane_ejections_total", "counter", "Times that an endpoint was not asked for a while because it had failed."}
	inFlightNow    = family{"modelplane_requests_in_flight", "gauge", "Requests to a service that have no whole answer yet."}
	shareAsked     = family{"modelplane_share_asked", "gauge", "The part of a service's requests that an endpoint is to get, from 0 to 1."}
	headerSeconds  = family{"modelplane_first_byte_seconds", "histogram", "From a request's arrival to the header of its answer."}
	sharedUp       = family{"modelplane_shared_limits_up", "gauge", "Whether the Redis server answers in which replicas add up tokens: 1 or 0."}
	tokenSeconds   = family{"modelplane_first_token_seconds", "histogram", "From a request's arrival to the first event of a streamed answer."}
	wholeSeconds   = family{"modelplane_request_duration_seconds", "histogram", "From a request's arrival to the end of its answer."}
)

// report is all that is counted by a gateway. Each family is written in one piece, as the format asks for; the order within is free.
func report(now time.Time, gateway string) string {
	var requests, cut, failovers, ejections, inFlight, asked, header, token, whole strings.Builder
	tokens := &tokenReport{}
	for _, t := range allTallies() {
		t.lock.Lock()
		service := `gateway="` + gateway + `",model_service="` + t.service + `"`
		for _, counted := range t.rows {
			line(&requests, requestsTotal.name, service+","+counted.labels, strconv.Itoa(counted.count))
		}
		for labels := range t.failovers {
			line(&failovers, failoversTotal.name, service+","+labels, strconv.Itoa(t.failovers[labels]))
		}
		for labels := range t.ejections {
			line(&ejections, ejectionsTotal.name, service+","+labels, strconv.Itoa(t.ejections[labels]))
		}
		line(&inFlight, inFlightNow.name, service, strconv.Itoa(t.inFlight))
		if now.Sub(t.last) < recently {
			t.shares(&asked, service)
		}
		for _, timed := range t.timings {
			labels := service + `,model_endpoint="` + timed.endpoint + `"`
			if timed.cut > 0 {
				line(&cut, cutTotal.name, labels, strconv.Itoa(timed.cut))
			}
			timed.header.lines(&header, buckets, headerSeconds.name, labels)
			timed.token.lines(&token, buckets, tokenSeconds.name, labels)
			timed.whole.lines(&whole, buckets, wholeSeconds.name, labels)
		}
		tokens.add(&t.tokens, service)
		t.lock.Unlock()
	}
	var up strings.Builder
	if shared != nil {
		line(&up, sharedUp.name, `gateway="`+gateway+`"`, shared.up())
	}
	return requestsTotal.with(&requests) + cutTotal.with(&cut) + failoversTotal.with(&failovers) + ejectionsTotal.with(&ejections) +
		inFlightNow.with(&inFlight) + shareAsked.with(&asked) +
		headerSeconds.with(&header) + tokenSeconds.with(&token) + wholeSeconds.with(&whole) + tokens.text() + sharedUp.with(&up)
}

// with is the family with its lines; nothing without any.
func (f family) with(lines *strings.Builder) string {
	if lines.Len() == 0 {
		return ""
	}
	return "# HELP " + f.name + " " + f.help + "\n# TYPE " + f.name + " " + f.kind + "\n" + lines.String()
}

func (t *tally) shares(lines *strings.Builder, service string) {
	total := 0
	for _, weight := range t.weights {
		total += weight
	}
	if total == 0 {
		return
	}
	for endpoint := range t.weights {
		share := strconv.FormatFloat(float64(t.weights[endpoint])/float64(total), 'g', -1, 64)
		line(lines, shareAsked.name, service+`,model_endpoint="`+label(endpoint)+`"`, share)
	}
}

func (h *histogram) lines(lines *strings.Builder, bounds []float64, name, labels string) {
	if h.total == 0 {
		return
	}
	upTo := 0
	for i, bound := range bounds {
		upTo += h.counts[i]
		line(lines, name+"_bucket", labels+`,le="`+strconv.FormatFloat(bound, 'g', -1, 64)+`"`, strconv.Itoa(upTo))
	}
	line(lines, name+"_bucket", labels+`,le="+Inf"`, strconv.Itoa(h.total))
	line(lines, name+"_sum", labels, strconv.FormatFloat(h.sum, 'g', -1, 64))
	line(lines, name+"_count", labels, strconv.Itoa(h.total))
}

func line(lines *strings.Builder, name, labels, value string) {
	lines.WriteString(name + "{" + labels + "} " + value + "\n")
}

// allTallies are those of all services. They are locked one by one, so that requests wait for no more than one service's figures.
func allTallies() []*tally {
	talliesLock.Lock()
	defer talliesLock.Unlock()
	all := make([]*tally, 0, len(tallies))
	for _, known := range tallies {
		all = append(all, known)
	}
	return all
}
