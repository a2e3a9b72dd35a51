package balancer_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/tests/localplane/balancer"
)

const patience = 10 * time.Second

// It would catch an address that is missing from the status, connections that
// do not take turns, and one that still goes to an endpoint on its way out.
func TestConnectionsTakeTurnsAmongReadyEndpoints(t *testing.T) {
	c := start(t)
	c.serve(t, endpoint("127.98.0.1", true), endpoint("127.98.0.2", true), endpoint("127.98.0.3", false))
	address := c.address(t)
	require.Eventually(t, func() bool { return greeting(address) != "" }, patience, 10*time.Millisecond)
	require.Equal(t, map[string]int{"127.98.0.1": 10, "127.98.0.2": 10}, greetings(address, 20))

	c.serve(t, endpoint("127.98.0.1", false), endpoint("127.98.0.2", true), endpoint("127.98.0.3", true))
	require.Eventually(t, func() bool { return greetings(address, 2)["127.98.0.3"] == 1 }, patience, 10*time.Millisecond)
	require.Equal(t, map[string]int{"127.98.0.2": 10, "127.98.0.3": 10}, greetings(address, 20))
}

// It would catch a rollout that cuts the answers which are still on their way.
func TestConnectionOutlivesTheReadinessOfItsEndpoint(t *testing.T) {
	c := start(t)
	c.serve(t, endpoint("127.98.0.1", true))
	address := c.address(t)
	connection, server := dial(t, address)
	require.Equal(t, "127.98.0.1", server)

	c.serve(t, endpoint("127.98.0.1", false), endpoint("127.98.0.2", true))
	require.Eventually(t, func() bool { return greeting(address) == "127.98.0.2" }, patience, 10*time.Millisecond)
	_, err := connection.Write([]byte("still here\n"))
	require.NoError(t, err)
	// What the client has ended, the server may still answer.
	require.NoError(t, connection.(*net.TCPConn).CloseWrite())
	echo, err := io.ReadAll(connection)
	require.NoError(t, err)
	require.Equal(t, "still here\n", string(echo))
}

// It would catch a balancer that hides what a real one does not: that a Pod
// which ends without warning costs connections.
func TestUnreachableEndpointCostsItsConnections(t *testing.T) {
	c := start(t)
	c.serve(t, endpoint("127.98.0.1", true), endpoint("127.98.0.99", true))
	address := c.address(t)
	require.Eventually(t, func() bool { return greeting(address) != "" }, patience, 10*time.Millisecond)
	require.Equal(t, map[string]int{"127.98.0.1": 10, "": 10}, greetings(address, 20))
}

// It would catch addresses that pile up in the plane, and clients that hang
// because theirs is gone.
func TestAddressGoesWithItsService(t *testing.T) {
	c := start(t)
	c.serve(t, endpoint("127.98.0.1", true))
	address := c.address(t)
	connection, _ := dial(t, address)
	require.True(t, c.addresses.has(address.Addr()))

	require.NoError(t, c.client.CoreV1().Services("default").Delete(t.Context(), "models", metav1.DeleteOptions{}))
	require.Eventually(t, func() bool { return !c.addresses.has(address.Addr()) }, patience, 10*time.Millisecond)
	require.NoError(t, connection.SetReadDeadline(time.Now().Add(patience)))
	_, err := connection.Read(make([]byte, 1))
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	require.Error(t, err)
}

// cluster has one Service, models, of type LoadBalancer, and servers that greet
// with their own address and echo what they are sent.
type cluster struct {
	client    kubernetes.Interface
	addresses *addressBook
	port      int32
}

func start(t *testing.T) *cluster {
	c := &cluster{client: fake.NewClientset(), addresses: &addressBook{}}
	for _, address := range []string{"127.98.0.1", "127.98.0.2", "127.98.0.3"} {
		c.greet(t, address)
	}
	_, err := c.client.CoreV1().Services("default").Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "models"},
		Spec: corev1.ServiceSpec{
			Type:  corev1.ServiceTypeLoadBalancer,
			Ports: []corev1.ServicePort{{Name: "web", Port: c.port, Protocol: corev1.ProtocolTCP}},
		},
	}, metav1.CreateOptions{})
	require.NoError(t, err)

	// All of 127.0.0.0/8 can be listened on, so no plane is needed.
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() {
		ended <- balancer.Run(ctx, balancer.Config{
			Client:        c.client,
			Addresses:     c.addresses,
			LoadBalancers: netip.MustParsePrefix("127.97.0.0/16"),
		})
	}()
	t.Cleanup(func() {
		// The Service's port is that of the next test too.
		_ = c.client.CoreV1().Services("default").Delete(context.Background(), "models", metav1.DeleteOptions{})
		require.Eventually(t, c.addresses.empty, patience, 10*time.Millisecond)
		cancel()
		require.NoError(t, <-ended)
	})
	return c
}

// greet starts a server. All servers listen on the port that the first was given.
func (c *cluster) greet(t *testing.T, address string) {
	listener, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(int(c.port))))
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	c.port = int32(listener.Addr().(*net.TCPAddr).Port)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				_, _ = io.WriteString(connection, address+"\n")
				_, _ = io.Copy(connection, connection)
			}()
		}
	}()
}

// serve makes endpoints those of the Service.
func (c *cluster) serve(t *testing.T, endpoints ...discoveryv1.Endpoint) {
	slices := c.client.DiscoveryV1().EndpointSlices("default")
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Name:   "models-1",
			Labels: map[string]string{discoveryv1.LabelServiceName: "models"},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: ptr.To("web"), Port: &c.port}},
		Endpoints:   endpoints,
	}
	_, err := slices.Update(t.Context(), slice, metav1.UpdateOptions{})
	if err != nil {
		_, err = slices.Create(t.Context(), slice, metav1.CreateOptions{})
	}
	require.NoError(t, err)
}

// address waits for the load balancer's address.
func (c *cluster) address(t *testing.T) netip.AddrPort {
	var ingress []corev1.LoadBalancerIngress
	require.Eventually(t, func() bool {
		service, err := c.client.CoreV1().Services("default").Get(t.Context(), "models", metav1.GetOptions{})
		require.NoError(t, err)
		ingress = service.Status.LoadBalancer.Ingress
		return len(ingress) > 0
	}, patience, 10*time.Millisecond)
	require.Len(t, ingress, 1)
	return netip.AddrPortFrom(netip.MustParseAddr(ingress[0].IP), uint16(c.port))
}

func endpoint(address string, ready bool) discoveryv1.Endpoint {
	return discoveryv1.Endpoint{
		Addresses: []string{address},
		// What is not ready here is on its way out: still serving what it has.
		Conditions: discoveryv1.EndpointConditions{Ready: &ready, Serving: ptr.To(true), Terminating: ptr.To(!ready)},
	}
}

// dial connects to address and returns which server has answered.
func dial(t *testing.T, address netip.AddrPort) (net.Conn, string) {
	var connection net.Conn
	var line string
	require.Eventually(t, func() bool {
		var err error
		if connection, err = net.Dial("tcp", address.String()); err != nil {
			return false
		}
		line, err = bufio.NewReader(connection).ReadString('\n')
		return err == nil
	}, patience, 10*time.Millisecond)
	t.Cleanup(func() { connection.Close() })
	return connection, line[:len(line)-1]
}

// greeting is which server has answered a new connection to address, "" for none.
func greeting(address netip.AddrPort) string {
	connection, err := net.Dial("tcp", address.String())
	if err != nil {
		return ""
	}
	defer connection.Close()
	line, err := bufio.NewReader(connection).ReadString('\n')
	if err != nil {
		return ""
	}
	return line[:len(line)-1]
}

func greetings(address netip.AddrPort, n int) map[string]int {
	count := map[string]int{}
	for range n {
		count[greeting(address)]++
	}
	return count
}

// addressBook knows which addresses a plane would have.
type addressBook struct{ addresses sync.Map }

func (b *addressBook) AddAddress(a netip.Addr) error    { b.addresses.Store(a, nil); return nil }
func (b *addressBook) RemoveAddress(a netip.Addr) error { b.addresses.Delete(a); return nil }

func (b *addressBook) has(a netip.Addr) bool {
	_, ok := b.addresses.Load(a)
	return ok
}

func (b *addressBook) empty() bool {
	empty := true
	b.addresses.Range(func(any, any) bool { empty = false; return false })
	return empty
}
