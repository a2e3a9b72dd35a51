package service

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/provider/endpoint"
	"github.com/modelplane/pulumi-modelplane/provider/gateway"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/service/route"
)

const (
	// maxPriority is the last priority.
	maxPriority = 15
	// maxAttempts is how many backends there can be.
	maxAttempts = 16
	// maxTimeout is longer than any answer takes to begin.
	maxTimeout = time.Hour
	// maxStatusCodes is how many entries statusCodes takes: the plugin looks at each of them for each answer.
	maxStatusCodes = 32
	// failures and pause are those of an ejection that is not asked for otherwise.
	failures, pause = 5, 30 * time.Second
)

// statusCodes are a status of a failure or a range of them.
var statusCodes = regexp.MustCompile(`^([45][0-9]{2})(?:-([45][0-9]{2}))?$`)

// isFronted says whether the plugin chooses backends: only it can ask a second one.
func isFronted(c Choice, r Routing) bool {
	return c.Failover != nil || c.OutlierEjection != nil || c.Affinity != nil || c.Mirror != nil ||
		r.hasPriorities()
}

// decideChoice is what the plugin is told of choosing backends, without these.
func decideChoice(c Choice, asked bool, faults *fault.List) plugin.Front {
	failover := ptr.Deref(c.Failover, Failover{Attempts: 3})
	ejection := ptr.Deref(c.OutlierEjection, OutlierEjection{Failures: failures})
	front := plugin.Front{Statuses: failover.StatusCodes, Attempts: failover.Attempts, EjectAfter: ejection.Failures}
	if len(front.Statuses) == 0 {
		front.Statuses = []string{"429", "500-599"}
	}
	checkCount("failover.statusCodes", len(failover.StatusCodes), maxStatusCodes, faults)
	for i, text := range failover.StatusCodes {
		match := statusCodes.FindStringSubmatch(text)
		if match == nil || match[2] != "" && match[2] < match[1] {
			faults.Addf(fault.Index("failover.statusCodes", i), "is neither a status from 400 to 599 nor a range of them; write one such as 429 or 500-599")
		}
	}
	checkRange("failover.attempts", failover.Attempts, 1, maxAttempts, faults)
	checkRange("outlierEjection.failures", ejection.Failures, 1, 1000, faults)
	front.HeaderTimeout = milliseconds("failover.headerTimeout", failover.HeaderTimeout, faults)
	front.FirstTokenTimeout = milliseconds("failover.firstTokenTimeout", failover.FirstTokenTimeout, faults)
	front.Deadline = milliseconds("failover.deadline", failover.Deadline, faults)
	front.EjectSeconds = ejection.seconds(faults)
	if c.Affinity != nil {
		front.AffinityBy, front.AffinityName = c.Affinity.decide(asked, faults)
	}
	return front
}

// checkFront finds whether the gateway can have the plugin choose, and whether that can ask each server.
func checkFront(c Choice, r Routing, faults *fault.List) {
	if !CheckInner("failover, outlierEjection, affinity, mirror and priorities need", r.Gateway, faults) {
		return
	}
	for at, backends := range r.lists {
		for i, b := range backends {
			for path, reference := range b.references(fault.Index(at, i)) {
				refuseH2C(path, reference, faults)
			}
		}
	}
	if c.Mirror != nil {
		refuseH2C("mirror.endpoint", c.Mirror.Endpoint, faults)
	}
}

// CheckInner finds whether the plugin can choose on this gateway, which is what something needs.
func CheckInner(something string, g gateway.Reference, faults *fault.List) bool {
	if g.Inner == "" || !g.HasPlugin() {
		faults.Add("gateway.inner", "is missing: "+something+" the gateway's inner listener and the modelplane plugin; use a ModelGateway", "gateway")
		return false
	}
	faults.AddErr("gateway.inner", names.Existing(g.Inner))
	return true
}

// refuseH2C refuses an endpoint where the plugin chooses: gRPC needs HTTP/2 on its whole way, and the way to the inner listener is HTTP/1.
func refuseH2C(path string, reference endpoint.BackendReference, faults *fault.List) {
	if reference.SpeaksH2C() {
		faults.Add(path, "speaks h2c, which does not pass where the plugin chooses a backend: leave failover, outlierEjection, affinity, mirror, priorities "+
			"and catalogs out, or give the endpoint protocol: http1, if its server speaks that, too", path)
	}
}

// milliseconds is a limit of time as the plugin counts it; 0 without one.
func milliseconds(path string, given *string, faults *fault.List) int {
	if given == nil {
		return 0
	}
	d, err := time.ParseDuration(*given)
	if err != nil || d < time.Millisecond || d > maxTimeout {
		faults.Addf(path, "is not a span of time from 1ms to 1h; write one such as 500ms, 30s or 2m")
	}
	return int(d.Milliseconds())
}

// seconds is how long a backend is out, which the plugin counts in whole seconds.
func (o OutlierEjection) seconds(faults *fault.List) int {
	if o.Duration == nil {
		return int(pause.Seconds())
	}
	d, err := time.ParseDuration(*o.Duration)
	if err != nil || d < time.Second || d > maxTimeout || d%time.Second != 0 {
		faults.Addf("outlierEjection.duration", "is not a span of time from 1s to 1h in whole seconds; write one such as 30s or 2m")
	}
	return int(d.Seconds())
}

func (a Affinity) decide(asked bool, faults *fault.List) (by, name string) {
	needsName := a.By == AffinityByHeader || a.By == AffinityByCookie
	switch {
	case needsName && a.Name == nil:
		faults.Add("affinity.name", fmt.Sprintf("is required with by: %s; name the one whose value tells requests apart", a.By), "affinity.by")
	case !needsName && a.Name != nil:
		faults.Add("affinity.name", fmt.Sprintf("is given with by: %s; leave it out", a.By), "affinity.by")
	}
	if a.By == AffinityByCaller && !asked {
		faults.Add("affinity.by", "is Caller, but nobody is asked who they are; write auth, or by: Header, Cookie or Prompt", "auth")
	}
	// The name of a cookie is a token, as that of a header is (RFC 6265, section 4.1.1).
	if a.Name != nil && (!httpguts.ValidHeaderFieldName(*a.Name) || len(*a.Name) > route.MaxHeaderName) {
		faults.Addf("affinity.name", "is not the name of a header or cookie; write letters, digits and hyphens, such as X-Session")
	}
	return strings.ToLower(string(a.By)), ptr.Deref(a.Name, "")
}
