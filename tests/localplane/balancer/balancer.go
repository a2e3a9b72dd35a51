// Package balancer makes the addresses of Services work in a plane: it is its
// cloud's load balancer and its kube-proxy in one.
//
// Each Service of type LoadBalancer gets an address, in its status and in the
// plane. TCP connections to it, and to the ClusterIPs of all Services, are
// passed on to ready endpoints in turn. As with a real load balancer, one that
// cannot be reached costs the client its connection: no other is tried.
package balancer

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
)

// Addresses is what a balancer listens on: [localplane.Plane], as a rule.
type Addresses interface {
	AddAddress(netip.Addr) error
	RemoveAddress(netip.Addr) error
}

// Config says which Services a balancer serves and where. All of it is required.
type Config struct {
	// Client may read Services and EndpointSlices and write the status of Services.
	Client kubernetes.Interface
	// Addresses takes the addresses of Services.
	Addresses Addresses
	// LoadBalancers is where Services of type LoadBalancer get addresses from. No
	// address is given out twice.
	LoadBalancers netip.Prefix
}

// Run serves Services until ctx is done, and returns nil then.
func Run(ctx context.Context, config Config) error {
	factory := informers.NewSharedInformerFactory(config.Client, 0)
	services, slices := factory.Core().V1().Services(), factory.Discovery().V1().EndpointSlices()
	b := &balancer{
		client:    config.Client,
		addresses: config.Addresses,
		last:      config.LoadBalancers.Masked().Addr(),
		services:  services.Lister(),
		slices:    slices.Lister(),
		queue:     workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[types.NamespacedName]()),
		served:    map[types.NamespacedName]*served{},
	}
	_, errServices := services.Informer().AddEventHandler(b.enqueue(metav1.Object.GetName))
	_, errSlices := slices.Informer().AddEventHandler(b.enqueue(func(slice metav1.Object) string {
		return slice.GetLabels()[discoveryv1.LabelServiceName]
	}))
	if err := errors.Join(errServices, errSlices); err != nil {
		return fmt.Errorf("load balancer: %w", err)
	}
	factory.Start(ctx.Done())
	defer factory.Shutdown()
	factory.WaitForCacheSync(ctx.Done())
	context.AfterFunc(ctx, b.queue.ShutDown)
	b.work(ctx)
	return nil
}

// balancer is used by one goroutine, [balancer.work], except its queue.
type balancer struct {
	client    kubernetes.Interface
	addresses Addresses
	// last is the address that was given out last.
	last     netip.Addr
	services corelisters.ServiceLister
	slices   discoverylisters.EndpointSliceLister
	queue    workqueue.TypedRateLimitingInterface[types.NamespacedName]
	served   map[types.NamespacedName]*served
}

// enqueue queues the Service that nameOf names on every change of an object.
func (b *balancer) enqueue(nameOf func(metav1.Object) string) cache.ResourceEventHandler {
	changed := func(object any) {
		if tombstone, ok := object.(cache.DeletedFinalStateUnknown); ok {
			object = tombstone.Obj
		}
		meta := object.(metav1.Object)
		b.queue.Add(types.NamespacedName{Namespace: meta.GetNamespace(), Name: nameOf(meta)})
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    changed,
		UpdateFunc: func(_, object any) { changed(object) },
		DeleteFunc: changed,
	}
}

func (b *balancer) work(ctx context.Context) {
	for {
		name, shutdown := b.queue.Get()
		if shutdown {
			return
		}
		err := b.serve(ctx, name)
		switch {
		case err == nil:
			b.queue.Forget(name)
		case apierrors.IsConflict(err):
			// Another client has just changed the Service, and the change has not arrived here yet.
			b.queue.AddRateLimited(name)
		case ctx.Err() == nil:
			klog.ErrorS(err, "The load balancer tries again", "service", name)
			b.queue.AddRateLimited(name)
		}
		b.queue.Done(name)
	}
}

// serve brings what is served of a Service in line with what the API says of it.
func (b *balancer) serve(ctx context.Context, name types.NamespacedName) error {
	service, err := b.services.Services(name.Namespace).Get(name.Name)
	if apierrors.IsNotFound(err) {
		if s := b.served[name]; s != nil {
			delete(b.served, name)
			return s.update(nil)
		}
		return nil
	}
	if err != nil {
		return err
	}
	slices, err := b.slices.EndpointSlices(name.Namespace).List(labels.SelectorFromSet(labels.Set{
		discoveryv1.LabelServiceName: name.Name,
	}))
	if err != nil {
		return err
	}
	s := b.served[name]
	if s == nil {
		s = &served{addresses: b.addresses, frontends: map[netip.AddrPort]*frontend{}}
		b.served[name] = s
	}
	s.external = b.external(service, s.external)
	if err := s.update(frontendsOf(service, s.external, slices)); err != nil {
		return err
	}
	return b.publish(ctx, service, s.external)
}

// external is the load balancer's address for service, which had the address
// had until now; neither needs to be valid.
func (b *balancer) external(service *corev1.Service, had netip.Addr) netip.Addr {
	switch {
	case !wantsLoadBalancer(service):
		return netip.Addr{}
	case had.IsValid():
		return had
	default:
		b.last = b.last.Next()
		return b.last
	}
}

// publish writes the load balancer's address into the status of service.
func (b *balancer) publish(ctx context.Context, service *corev1.Service, external netip.Addr) error {
	if !external.IsValid() {
		return nil
	}
	if ingress := service.Status.LoadBalancer.Ingress; len(ingress) == 1 && ingress[0].IP == external.String() {
		return nil
	}
	service = service.DeepCopy()
	service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: external.String()}}
	_, err := b.client.CoreV1().Services(service.Namespace).UpdateStatus(ctx, service, metav1.UpdateOptions{})
	return err
}
