package service

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/service/route"
)

// TestEachListHasABound would catch a list that makes an object too large for the cluster, or each request slow, and all faults but the first left out.
func TestEachListHasABound(t *testing.T) {
	a := chat(Backend{Endpoint: one("apps", "own"), Weight: 1})
	a.Gateway.Inner = "gw-inner"
	many := func(count int, of string) (all []string) {
		for i := range count {
			all = append(all, fmt.Sprintf(of, i))
		}
		return all
	}
	fill := func(more int) {
		a.Failover = &Failover{Attempts: 1, StatusCodes: many(maxStatusCodes+more, "5%02d")}
		a.AllowFrom = nil
		for i := range maxRanges + more {
			a.AllowFrom = append(a.AllowFrom, fmt.Sprintf("10.%d.%d.0/24", i/256, i%256))
		}
		a.CORS = &CORS{
			AllowOrigins: many(maxNames+more, "https://%d.example.com"), AllowHeaders: many(maxNames+more, "X-%d"),
			AllowMethods: many(maxNames+more, "M%d"), ExposeHeaders: many(maxNames+more, "Y-%d"),
		}
		a.Auth = &Auth{Forward: &ForwardAuth{URL: "http://auth.team", ResponseHeaders: many(maxNames+more, "Z-%d")}}
		a.Limits = &Limits{}
		for i := range maxLimits + more {
			a.Limits.Requests = append(a.Limits.Requests, RequestLimit{Requests: 1, Seconds: 1 + i})
			a.Limits.InFlight = append(a.Limits.InFlight, InFlightLimit{Requests: 1, By: ptr.To(ByHeader), Header: ptr.To(fmt.Sprint("X-", i))})
		}
	}
	fill(0)
	require.Empty(t, check("chat", a))
	fill(1)
	var paths []string
	for _, f := range check("chat", a) {
		paths = append(paths, f.Path)
		assert.Contains(t, f.Message, "at most")
	}
	assert.ElementsMatch(t, []string{
		"failover.statusCodes", "allowFrom", "cors.allowOrigins", "cors.allowHeaders", "cors.allowMethods", "cors.exposeHeaders", "auth.forward.responseHeaders",
		"limits.requests", "limits.inFlight",
	}, paths)
}

// TestARuleHasHeadersThatARequestCanHave would catch a name that the API server refuses halfway through an update, and a value that no request has.
func TestARuleHasHeadersThatARequestCanHave(t *testing.T) {
	for _, c := range []struct {
		name, value string
		right       bool
	}{
		{strings.Repeat("x", route.MaxHeaderName), strings.Repeat("y", route.MaxMatchValue), true},
		{strings.Repeat("x", route.MaxHeaderName+1), "y", false},
		{"X-Team", "two words", true},
		{"X-Team", " search", false},
		{"X-Team", "search\t", false},
	} {
		a := chat(Backend{Endpoint: one("apps", "own"), Weight: 1})
		a.Rules = []Rule{{Headers: map[string]string{c.name: c.value}, Backends: a.Backends}}
		_, faults := decided(a)
		assert.Equal(t, c.right, len(faults) == 0, "%.20q: %.20q: %v", c.name, c.value, faults)
	}
}

// TestABackendIsOutInWholeSeconds would catch a time that is silently another one.
func TestABackendIsOutInWholeSeconds(t *testing.T) {
	for duration, right := range map[string]bool{"1s": true, "1h": true, "90s": true, "1m30s": true, "1ms": false, "1500ms": false, "1h1s": false, "30": false} {
		a := chat(Backend{Endpoint: one("apps", "own"), Weight: 1})
		a.Gateway.Inner, a.OutlierEjection = "gw-inner", &OutlierEjection{Failures: 1, Duration: &duration}
		_, faults := decided(a)
		assert.Equal(t, right, len(faults) == 0, "%s: %v", duration, faults)
	}
}
