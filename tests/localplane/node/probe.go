//go:build linux

package node

import (
	"context"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// probing runs one probe of one started container until ctx ends.
type probing struct {
	spec      *corev1.Probe
	container *corev1.Container
	ip        netip.Addr

	// settled is told each time the thresholds decide: the container passes, or it fails with err.
	settled func(err error)
	// failed is told of each single failure.
	failed func(err error)
}

func (p probing) run(ctx context.Context) {
	if !sleep(ctx, seconds(p.spec.InitialDelaySeconds)) {
		return
	}
	ticker := time.NewTicker(seconds(max(p.spec.PeriodSeconds, 1)))
	defer ticker.Stop()
	var passes, failures int32
	for {
		err := p.try(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			passes, failures = passes+1, 0
			if passes >= p.spec.SuccessThreshold {
				p.settled(nil)
			}
		} else {
			passes, failures = 0, failures+1
			p.failed(err)
			if failures >= p.spec.FailureThreshold {
				p.settled(err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (p probing) try(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, seconds(max(p.spec.TimeoutSeconds, 1)))
	defer cancel()
	if p.spec.HTTPGet != nil {
		return get(ctx, p.ip, p.container, p.spec.HTTPGet)
	}
	return dial(ctx, p.ip, p.container, p.spec.TCPSocket)
}

func seconds[T ~int32 | ~int64](n T) time.Duration {
	return time.Duration(n) * time.Second
}

// sleep waits for d and tells whether ctx was still alive at its end.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return ctx.Err() == nil
	}
}
