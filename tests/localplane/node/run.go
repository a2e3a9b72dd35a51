//go:build linux

package node

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
)

// shutdownGrace bounds how long containers may take to end when the agent ends.
const shutdownGrace = 3 * time.Second

// Run registers the Node and runs its Pods until ctx ends; then it stops every container and returns nil. It must be
// called in the plane's network namespace by root or by uid 0 of a user namespace that owns it.
func Run(ctx context.Context, cfg Config) error {
	if err := cfg.check(); err != nil {
		return fmt.Errorf("node agent: %w", err)
	}
	if err := allowForwarding(); err != nil {
		return fmt.Errorf("node agent: %w", err)
	}
	own6, err := joinRange(cfg.PodCIDR6)
	if err != nil {
		return fmt.Errorf("node agent: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(cfg.Dir, podsFolder), 0o755); err != nil {
		return fmt.Errorf("node agent: %w", err)
	}
	// A kubelet has no client-side limit worth the name either: a rollout's status must not wait for a token bucket.
	api := rest.CopyConfig(cfg.API)
	api.QPS = -1
	client, err := kubernetes.NewForConfig(api)
	if err != nil {
		return fmt.Errorf("node agent: %w", err)
	}
	if err := register(ctx, client, cfg); err != nil {
		return fmt.Errorf("node agent: register Node %s: %w", cfg.NodeName, err)
	}
	go renewLease(ctx, client, cfg.NodeName)
	go stayReady(ctx, client, cfg)

	events := record.NewBroadcaster(record.WithContext(ctx))
	defer events.Shutdown()
	events.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events(metav1.NamespaceAll)})

	a := &agent{
		ctx:       ctx,
		cfg:       cfg,
		own:       addresses{cfg.NodeIP, own6},
		client:    client,
		events:    events.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "localplane-node", Host: cfg.NodeName}),
		addresses: newAddressPool(cfg.PodCIDR, cfg.PodCIDR6),
		pods:      map[types.UID]*pod{},
	}
	return a.follow()
}

// agent is what the Pods of one Node share.
type agent struct {
	ctx context.Context
	cfg Config
	// own are the plane's addresses, as its Pods see it.
	own       addresses
	client    kubernetes.Interface
	events    record.EventRecorder
	addresses *addressPool

	mu   sync.Mutex
	pods map[types.UID]*pod
}

// follow starts, updates and ends Pods as the API server says, until the agent's context ends.
func (a *agent) follow() error {
	factory := informers.NewSharedInformerFactoryWithOptions(a.client, 0,
		informers.WithTweakListOptions(func(o *metav1.ListOptions) {
			o.FieldSelector = fields.OneTermEqualSelector("spec.nodeName", a.cfg.NodeName).String()
		}))
	_, err := factory.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { a.observe(object.(*corev1.Pod)) },
		UpdateFunc: func(_, object any) { a.observe(object.(*corev1.Pod)) },
		DeleteFunc: a.forget,
	})
	if err != nil {
		return fmt.Errorf("node agent: watch Pods: %w", err)
	}
	factory.Start(a.ctx.Done())
	<-a.ctx.Done()
	factory.Shutdown()
	a.stopAll()
	return nil
}

func (a *agent) observe(object *corev1.Pod) {
	a.mu.Lock()
	p, known := a.pods[object.UID]
	if !known {
		if object.DeletionTimestamp == nil && finished(object) {
			a.mu.Unlock()
			return
		}
		p = newPod(a, object)
		a.pods[object.UID] = p
	}
	a.mu.Unlock()

	p.update(object)
	if object.DeletionTimestamp != nil {
		p.end(time.Duration(*object.DeletionGracePeriodSeconds) * time.Second)
	}
	if !known {
		go func() {
			p.run()
			a.mu.Lock()
			defer a.mu.Unlock()
			delete(a.pods, object.UID)
		}()
	}
}

// forget ends a Pod that was removed from the API without waiting for it.
func (a *agent) forget(object any) {
	if tombstone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = tombstone.Obj
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if p, known := a.pods[object.(*corev1.Pod).UID]; known {
		p.end(0)
	}
}

func (a *agent) stopAll() {
	a.mu.Lock()
	pods := slices.Collect(maps.Values(a.pods))
	a.mu.Unlock()
	for _, p := range pods {
		p.end(shutdownGrace)
	}
	for _, p := range pods {
		<-p.gone
	}
}

func finished(object *corev1.Pod) bool {
	return object.Status.Phase == corev1.PodSucceeded || object.Status.Phase == corev1.PodFailed
}

// logFile is where the output of a container goes, of all its restarts.
func (a *agent) logFile(pod *corev1.Pod, container string) string {
	return filepath.Join(a.cfg.Dir, fmt.Sprintf("%s_%s_%s.log", pod.Namespace, pod.Name, container))
}

// log reports what nobody else would learn of.
func (a *agent) log(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "node agent %s: %s\n", a.cfg.NodeName, fmt.Sprintf(format, args...))
}
