package plugin

import (
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// maxServices and maxRows are how many services of one namespace are told apart, and how many endpoints, callers and statuses of
	// one service. What is beyond them is counted under the label beyond, so that made-up names take no memory.
	maxServices = 200
	maxRows     = 1000
	maxTimings  = 50
	beyond      = "(other)"
	// maxLabel is how much of a name becomes a label, in bytes: more than any name that Kubernetes takes.
	maxLabel = 253
	// recently is for how long after a service's last request its weights are shown. A service that is gone stays in memory.
	recently = 10 * time.Minute
)

// BucketsVariable is the environment variable with the upper bounds of the histograms' buckets, in seconds, with commas between them.
const BucketsVariable = "MODELPLANE_BUCKETS"

// buckets are the same for the life of the process. Answers of models take from milliseconds to ten minutes.
var buckets = bucketsOf(os.Getenv(BucketsVariable))

// Buckets are the upper bounds of the histograms' buckets, in seconds.
func Buckets() []float64 { return buckets }

func bucketsOf(text string) []float64 {
	var bounds []float64
	for _, part := range strings.Split(text, ",") {
		bound, err := strconv.ParseFloat(part, 64)
		if err != nil {
			return []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600}
		}
		bounds = append(bounds, bound)
	}
	return bounds
}

// Traefik makes its middlewares again whenever any object changes, so that counts live in package variables.
var (
	tallies     = map[string]*tally{}
	perTeam     = map[string]int{}
	talliesLock sync.Mutex
)

// tally is what is counted of one service.
type tally struct {
	lock     sync.Mutex
	service  string
	last     time.Time
	weights  map[string]int
	inFlight int
	rows     map[string]*row
	timings  map[string]*timing
	// failovers and ejections are counted by the front: requests that went on to another backend after this one, by endpoint and reason, and times that
	// an endpoint was left out.
	failovers map[string]int
	ejections map[string]int
	tokens    tokenTally
}

// row is a number of answers with the labels that it is shown with.
type row struct {
	labels string
	count  int
}

// timing is how long one endpoint's answers took, to their header, their first token and their end.
type timing struct {
	endpoint string
	// cut is how many of them broke off.
	cut                  int
	header, token, whole histogram
}

// histogram has a count for each bucket, and one for what is above all of them.
type histogram struct {
	counts []int
	sum    float64
	total  int
}

// tallyOf is the tally of a service, which all instances of its Middleware share.
func tallyOf(namespace, service string) *tally {
	talliesLock.Lock()
	defer talliesLock.Unlock()
	known, has := tallies[service]
	if has {
		return known
	}
	if perTeam[namespace] >= maxServices {
		service = namespace + "/" + beyond
		known, has = tallies[service]
		if has {
			return known
		}
	}
	perTeam[namespace]++
	made := &tally{
		service: label(service), rows: map[string]*row{}, timings: map[string]*timing{}, failovers: map[string]int{}, ejections: map[string]int{},
		tokens: newTokenTally(),
	}
	tallies[service] = made
	return made
}

// ask notes which shares the service asks for.
func (t *tally) ask(weights map[string]int) {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.weights = weights
}

// failedOver counts a request that went on to another backend. Endpoints and reasons are the service's own, so their number is bounded.
func (t *tally) failedOver(endpoint, reason string) {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.failovers[`model_endpoint="`+label(endpoint)+`",reason="`+reason+`"`]++
}

// ejected counts an endpoint that is not asked for a time.
func (t *tally) ejected(endpoint string) {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.ejections[`model_endpoint="`+label(endpoint)+`"`]++
}

// beginRequest counts a request as under way. A deferred call would take the interpreter longer than all the rest.
func beginRequest(t *tally) {
	t.lock.Lock()
	t.inFlight++
	t.lock.Unlock()
}

// endRequest counts a request whose answer has ended.
func endRequest(t *tally, a *answer, endpoint, caller string, isCut bool) {
	now := time.Now()
	key := endpoint + "\n" + caller + "\n" + strconv.Itoa(a.status)
	t.lock.Lock()
	t.inFlight--
	t.last = now
	counted := t.rows[key]
	if counted == nil {
		counted = t.addRow(key, endpoint, caller, a.status)
	}
	counted.count++
	timed := t.timings[endpoint]
	if timed == nil {
		timed = t.addTiming(endpoint)
	}
	addTimes(timed, a, now, isCut)
	t.lock.Unlock()
}

// addTimes counts how long an answer took.
func addTimes(timed *timing, a *answer, now time.Time, isCut bool) {
	if isCut {
		timed.cut++
	}
	if a.header > 0 { // neither a WebSocket nor a request whose client left first
		addTo(&timed.header, buckets, a.header.Seconds())
		addTo(&timed.whole, buckets, now.Sub(a.begun).Seconds())
	}
	if a.token > 0 {
		addTo(&timed.token, buckets, a.token.Seconds())
	}
}

// addRow makes the row of what has not been counted together, or finds the one that all others share. What is written without a header has the status 200.
func (t *tally) addRow(key, endpoint, caller string, status int) *row {
	code := "200"
	if status > 0 {
		code = strconv.Itoa(status)
	}
	if len(t.rows) >= maxRows {
		endpoint, caller, code = beyond, beyond, code[:1]+"xx"
		key = code
		if known, has := t.rows[key]; has {
			return known
		}
	}
	made := &row{labels: `model_endpoint="` + label(endpoint) + `",caller="` + label(caller) + `",code="` + code + `"`}
	t.rows[key] = made
	return made
}

func (t *tally) addTiming(endpoint string) *timing {
	if len(t.timings) >= maxTimings {
		endpoint = beyond
		if known, has := t.timings[endpoint]; has {
			return known
		}
	}
	made := &timing{endpoint: label(endpoint)}
	t.timings[endpoint] = made
	return made
}

// addTo counts a value into the bucket that it is in.
func addTo(h *histogram, bounds []float64, value float64) {
	if h.counts == nil {
		h.counts = make([]int, len(bounds)+1)
	}
	h.counts[sort.SearchFloat64s(bounds, value)]++
	h.sum += value
	h.total++
}

// escapes are what the values of labels need
// (https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details).
var escapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// label is a name as the value of a label.
func label(name string) string {
	if len(name) > maxLabel {
		name = name[:maxLabel]
	}
	return escapes.Replace(strings.ToValidUTF8(name, "?"))
}
