//go:build linux

package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// podsFolder is the folder in Config.Dir that holds a folder for each Pod.
const podsFolder = "pods"

// pod runs one Pod, from when it is bound to the Node until it is removed.
type pod struct {
	agent *agent
	board *board
	dir   string

	// serving ends when the Pod is told to stop, grace when its containers must have stopped.
	serving  context.Context
	stop     context.CancelFunc
	grace    context.Context
	kill     context.CancelFunc
	mu       sync.Mutex
	deadline time.Time

	// gone is closed when nothing of the Pod is left.
	gone chan struct{}

	// Set once, before the first container starts.
	box       *sandbox
	addresses addresses
	volumes   *volumes
}

func newPod(a *agent, object *corev1.Pod) *pod {
	p := &pod{
		agent: a,
		board: newBoard(a, object),
		dir:   filepath.Join(a.cfg.Dir, podsFolder, string(object.UID)),
		gone:  make(chan struct{}),
	}
	p.serving, p.stop = context.WithCancel(context.Background())
	p.grace, p.kill = context.WithCancel(context.Background())
	return p
}

func (p *pod) update(object *corev1.Pod) {
	p.board.see(object)
}

// end tells the Pod to stop within a grace period. A later call may shorten it.
func (p *pod) end(grace time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	deadline := time.Now().Add(grace)
	if !p.deadline.IsZero() && !deadline.Before(p.deadline) {
		return
	}
	p.deadline = deadline
	time.AfterFunc(grace, p.kill)
	p.board.end()
	p.stop()
}

// run is the life of the Pod.
func (p *pod) run() {
	defer close(p.gone)
	reporting, stopReporting := context.WithCancel(context.Background())
	var reporter sync.WaitGroup
	reporter.Go(func() { p.board.follow(reporting) })

	p.runContainers()
	if err := os.RemoveAll(p.dir); err != nil {
		p.agent.log("remove the folder of a Pod: %v", err)
	}
	<-p.serving.Done()
	p.kill()

	stopReporting()
	reporter.Wait()
	p.removeObject()
}

// runContainers returns when every container has ended for good.
func (p *pod) runContainers() {
	object := p.board.current()
	if err := unsupported(object); err != nil {
		p.refuse(object, err)
		return
	}
	if !p.insist("FailedCreatePodSandBox", p.makeSandbox) {
		return
	}
	defer p.closeSandbox()

	p.volumes = &volumes{
		dir:       filepath.Join(p.dir, "volumes"),
		pod:       p.board.current,
		projector: &projector{agent: p.agent, tokens: map[string]issuedToken{}},
	}
	if !p.insist("FailedMount", func() error { return p.volumes.prepare(p.serving) }) {
		return
	}
	following, stopFollowing := context.WithCancel(p.grace)
	var background sync.WaitGroup
	defer background.Wait()
	defer stopFollowing()
	background.Go(func() {
		p.volumes.follow(following, func(err error) { p.warn("FailedMount", err.Error()) })
	})

	initPolicy := object.Spec.RestartPolicy
	if initPolicy == corev1.RestartPolicyAlways {
		initPolicy = corev1.RestartPolicyOnFailure
	}
	for _, spec := range object.Spec.InitContainers {
		c := &container{pod: p, spec: spec, policy: initPolicy}
		if !c.run() {
			return
		}
	}
	var containers sync.WaitGroup
	for _, spec := range object.Spec.Containers {
		c := &container{pod: p, spec: spec, policy: object.Spec.RestartPolicy, serves: true}
		containers.Go(func() { c.run() })
	}
	containers.Wait()
}

// refuse leaves the Pod pending with the reason on each of its containers.
func (p *pod) refuse(object *corev1.Pod, err error) {
	p.warn("Failed", err.Error())
	for _, spec := range object.Spec.Containers {
		c := &container{pod: p, spec: spec}
		c.wait(err)
	}
}

func (p *pod) makeSandbox() error {
	object := p.board.current()
	box, err := newSandbox(cmp.Or(object.Spec.Hostname, object.Name))
	if err != nil {
		return err
	}
	if err := box.do(p.mountShm); err != nil {
		box.close()
		return err
	}
	a, err := p.agent.addresses.take()
	if err == nil {
		if err = connect(box, a, p.agent.own); err != nil {
			err = errors.Join(err, disconnect(a))
			p.agent.addresses.giveBack(a)
		}
	}
	if err != nil {
		box.close()
		return err
	}
	p.box, p.addresses = box, a
	p.board.setAddresses(a)
	return nil
}

// shmSize is what container runtimes give a Pod's /dev/shm, unless a volume is mounted there.
const shmSize = "64m"

// mountShm runs on the sandbox's thread.
func (p *pod) mountShm() error {
	if err := os.MkdirAll(p.shmDir(), 0o755); err != nil {
		return err
	}
	if err := unix.Mount("shm", p.shmDir(), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=1777,size="+shmSize); err != nil {
		return fmt.Errorf("mount the Pod's /dev/shm: %w", err)
	}
	return nil
}

func (p *pod) shmDir() string { return filepath.Join(p.dir, "shm") }

func (p *pod) closeSandbox() {
	if err := disconnect(p.addresses); err != nil {
		p.agent.log("%v", err)
	}
	p.box.close()
	p.agent.addresses.giveBack(p.addresses)
}

// removeObject takes the ended Pod out of the API, as its deletion asked for. When the agent itself ends, the API
// server may be gone already and the Pod stays.
func (p *pod) removeObject() {
	object := p.board.current()
	for p.agent.ctx.Err() == nil {
		options := metav1.NewDeleteOptions(0)
		options.Preconditions = metav1.NewUIDPreconditions(string(object.UID))
		err := p.agent.client.CoreV1().Pods(object.Namespace).Delete(p.agent.ctx, object.Name, *options)
		if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
			return
		}
		p.agent.log("remove Pod %s/%s: %v", object.Namespace, object.Name, err)
		sleep(p.agent.ctx, time.Second)
	}
}

// insist repeats a step until it succeeds or the Pod is told to stop, and tells whether it succeeded. An event says
// why it did not, once for each reason.
func (p *pod) insist(reason string, step func() error) bool {
	last := ""
	for wait := 100 * time.Millisecond; p.serving.Err() == nil; wait = min(2*wait, 5*time.Second) {
		err := step()
		if err == nil {
			return true
		}
		if p.serving.Err() == nil && err.Error() != last {
			last = err.Error()
			p.warn(reason, last)
		}
		sleep(p.serving, wait)
	}
	return false
}

func (p *pod) warn(reason, message string) {
	p.agent.events.Event(p.board.current(), corev1.EventTypeWarning, reason, message)
}

func (p *pod) tell(reason, format string, args ...any) {
	p.agent.events.Event(p.board.current(), corev1.EventTypeNormal, reason, fmt.Sprintf(format, args...))
}
