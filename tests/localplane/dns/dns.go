// Package dns is the name server of a plane's cluster: it tells Pods the addresses of Services, and of the Pods behind
// headless ones, by the names that Kubernetes defines
// (https://github.com/kubernetes/dns/blob/master/docs/specification.md), and that nothing else has a name.
//
// A hosts file in every Pod would do for some programs. But names of a namespace's own Services depend on who asks, Envoy
// asks for names with a dot at the end, and Go reads a hosts file again only after 5 s.
package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/net/dns/dnsmessage"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"
)

// Config says whose names a server knows and where it answers. All of it is required.
type Config struct {
	// Client may read Services and EndpointSlices.
	Client kubernetes.Interface
	// Address is the UDP address to answer at. Resolvers expect port 53.
	Address netip.AddrPort
}

// ttl is how many seconds clients may remember an answer. A test changes things faster than a person.
const ttl = 1

// longest is the longest question that is read, in bytes: what fits into one datagram without extensions.
const longest = 512

// Run answers until ctx is done, and returns nil then.
func Run(ctx context.Context, config Config) error {
	factory := informers.NewSharedInformerFactory(config.Client, 0)
	r := records{services: factory.Core().V1().Services().Lister(), slices: factory.Discovery().V1().EndpointSlices().Lister()}
	factory.Start(ctx.Done())
	defer factory.Shutdown()
	factory.WaitForCacheSync(ctx.Done())

	connection, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(config.Address))
	if err != nil {
		return fmt.Errorf("name server: %w", err)
	}
	context.AfterFunc(ctx, func() { connection.Close() })
	question := make([]byte, longest)
	for {
		length, from, err := connection.ReadFromUDPAddrPort(question)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("name server: %w", err)
		}
		answer, err := r.answer(question[:length])
		if err != nil {
			klog.ErrorS(err, "The name server was asked something that is not a question", "by", from)
			continue
		}
		// A client that has gone does not matter.
		_, _ = connection.WriteToUDPAddrPort(answer, from)
	}
}

// answer turns the bytes of a question into those of its answer.
func (r records) answer(message []byte) ([]byte, error) {
	var parser dnsmessage.Parser
	header, err := parser.Start(message)
	if err != nil {
		return nil, err
	}
	question, err := parser.Question()
	if err != nil {
		return nil, err
	}
	addresses, known, err := r.lookUp(question.Name.String())
	if err != nil {
		return nil, err
	}
	header = dnsmessage.Header{
		ID: header.ID, OpCode: header.OpCode, RecursionDesired: header.RecursionDesired,
		Response: true, Authoritative: true, RecursionAvailable: true,
	}
	if !known {
		header.RCode = dnsmessage.RCodeNameError
	}
	builder := dnsmessage.NewBuilder(nil, header)
	builder.EnableCompression()
	if err := errors.Join(builder.StartQuestions(), builder.Question(question), builder.StartAnswers()); err != nil {
		return nil, err
	}
	about := dnsmessage.ResourceHeader{Name: question.Name, Class: question.Class, TTL: ttl}
	for _, address := range addresses {
		var err error
		switch {
		case question.Type == dnsmessage.TypeA && address.Is4():
			err = builder.AResource(about, dnsmessage.AResource{A: address.As4()})
		case question.Type == dnsmessage.TypeAAAA && address.Is6():
			err = builder.AAAAResource(about, dnsmessage.AAAAResource{AAAA: address.As16()})
		}
		if err != nil {
			return nil, err
		}
	}
	return builder.Finish()
}
