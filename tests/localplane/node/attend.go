//go:build linux

package node

import (
	"context"
	"fmt"
	"sync"
	"syscall"

	corev1 "k8s.io/api/core/v1"
)

// attend returns when the process has ended: by itself, because a probe gave it up, or because the Pod stops.
func (c *container) attend(p *process) {
	probing, stopProbing := context.WithCancel(c.pod.serving)
	var probes sync.WaitGroup
	defer probes.Wait()
	defer stopProbing()
	unhealthy := make(chan error, 1)
	if c.serves {
		probes.Go(func() { c.probe(probing, unhealthy) })
	}
	select {
	case <-p.exited:
	case <-c.pod.serving.Done():
		c.stop(c.pod.grace, p)
	case err := <-unhealthy:
		stopProbing()
		c.pod.tell("Killing", "Container %s gets restarted: %v", c.spec.Name, err)
		grace, cancel := context.WithTimeout(c.pod.grace, seconds(*c.pod.board.current().Spec.TerminationGracePeriodSeconds))
		defer cancel()
		c.stop(grace, p)
	}
}

// probe runs the container's probes: readiness and liveness begin when the startup probe has passed.
func (c *container) probe(ctx context.Context, unhealthy chan error) {
	if !c.awaitStartup(ctx, unhealthy) {
		return
	}
	var probes sync.WaitGroup
	defer probes.Wait()
	probes.Go(func() {
		c.runProbe(ctx, "Readiness", c.spec.ReadinessProbe, func(err error) {
			c.pod.board.container(c.spec.Name, func(status *corev1.ContainerStatus) { status.Ready = err == nil })
		})
	})
	probes.Go(func() {
		c.runProbe(ctx, "Liveness", c.spec.LivenessProbe, func(err error) {
			if err != nil {
				giveUp(unhealthy, fmt.Errorf("its liveness probe failed: %w", err))
			}
		})
	})
}

// awaitStartup tells whether the container has started up, which one without a startup probe has at once.
func (c *container) awaitStartup(ctx context.Context, unhealthy chan error) bool {
	if c.spec.StartupProbe == nil {
		return true
	}
	starting, settled := context.WithCancel(ctx)
	defer settled()
	started := false
	c.runProbe(starting, "Startup", c.spec.StartupProbe, func(err error) {
		settled()
		if err != nil {
			giveUp(unhealthy, fmt.Errorf("its startup probe failed: %w", err))
			return
		}
		started = true
		c.pod.board.container(c.spec.Name, func(status *corev1.ContainerStatus) {
			status.Started = &started
			status.Ready = c.spec.ReadinessProbe == nil
		})
	})
	return started
}

func (c *container) runProbe(ctx context.Context, kind string, spec *corev1.Probe, settled func(error)) {
	if spec == nil {
		return
	}
	probing{
		spec:      spec,
		container: &c.spec,
		ip:        c.pod.addresses.v4,
		settled:   settled,
		failed: func(err error) {
			c.pod.warn("Unhealthy", fmt.Sprintf("%s probe of container %s failed: %v", kind, c.spec.Name, err))
		},
	}.run(ctx)
}

// stop ends the process in the order that Kubernetes promises: hook, SIGTERM, and SIGKILL when grace ends.
func (c *container) stop(grace context.Context, p *process) {
	if err := c.preStop(grace, p); err != nil {
		c.pod.warn("FailedPreStopHook", fmt.Sprintf("preStop hook of container %s: %v", c.spec.Name, err))
	}
	p.signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-grace.Done():
		p.signal(syscall.SIGKILL)
		<-p.exited
	}
}

// giveUp notes the first reason to restart the container.
func giveUp(unhealthy chan<- error, reason error) {
	select {
	case unhealthy <- reason:
	default:
	}
}
