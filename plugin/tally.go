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
	// rows are numbers of answers by the labels that they are shown with.
	rows map[string]int
	// cut are numbers of answers that broke off, by endpoint.
	cut     map[string]int
	timings map[string]*timing
	// failovers and ejections are counted by the front: requests that went on to another backend after this one, by endpoint and reason, and times that
	// an endpoint was left out.
	failovers map[string]int
	ejections map[string]int
}

// timing is how long one endpoint's answers took, to their header, their first token and their end.
type timing struct {
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
	made := &tally{service: label(service), rows: map[string]int{}, cut: map[string]int{}, timings: map[string]*timing{},
		failovers: map[string]int{}, ejections: map[string]int{}}
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

// begin counts a request as under way.
func (t *tally) begin() {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.inFlight++
}

// end counts a request whose answer has ended.
func (t *tally) end(a *answer, caller string, isCut bool) {
	whole := time.Since(a.begun)
	endpoint, code := label(a.endpoint()), a.code()
	t.lock.Lock()
	defer t.lock.Unlock()
	t.inFlight--
	t.last = time.Now()
	row := rowOf(endpoint, label(caller), code)
	_, has := t.rows[row]
	if !has && len(t.rows) >= maxRows {
		row = rowOf(beyond, beyond, code[:1]+"xx")
	}
	t.rows[row]++
	timed, has := t.timings[endpoint]
	if !has && len(t.timings) >= maxTimings {
		endpoint = beyond
		timed, has = t.timings[endpoint]
	}
	if !has {
		timed = &timing{}
		t.timings[endpoint] = timed
	}
	if isCut {
		t.cut[endpoint]++
	}
	if a.header == 0 {
		return // a WebSocket, or a request whose client left first
	}
	timed.header.add(a.header)
	timed.whole.add(whole)
	if a.token > 0 {
		timed.token.add(a.token)
	}
}

func rowOf(endpoint, caller, code string) string {
	return `model_endpoint="` + endpoint + `",caller="` + caller + `",code="` + code + `"`
}

func (h *histogram) add(took time.Duration) {
	if h.counts == nil {
		h.counts = make([]int, len(buckets)+1)
	}
	seconds := took.Seconds()
	h.counts[sort.SearchFloat64s(buckets, seconds)]++
	h.sum += seconds
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
