package balancer

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/modelplane/pulumi-modelplane/tests/localplane/internal/relay"
)

// served is what is served of one Service.
type served struct {
	addresses Addresses
	// external is the load balancer's address for the Service, if it is valid.
	external  netip.Addr
	frontends map[netip.AddrPort]*frontend
}

// update has connections to each key of wanted passed on to the endpoints
// there, and to nothing else. What fails is done by a later update.
func (s *served) update(wanted map[netip.AddrPort][]netip.AddrPort) error {
	var errs []error
	for at, frontend := range s.frontends {
		if _, ok := wanted[at]; !ok {
			frontend.close()
			delete(s.frontends, at)
			if !s.uses(at.Addr()) {
				errs = append(errs, s.addresses.RemoveAddress(at.Addr()))
			}
		}
	}
	for at, endpoints := range wanted {
		if s.frontends[at] == nil {
			frontend, err := s.open(at)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			s.frontends[at] = frontend
		}
		s.frontends[at].endpoints.Store(&endpoints)
	}
	return errors.Join(errs...)
}

func (s *served) uses(address netip.Addr) bool {
	for at := range s.frontends {
		if at.Addr() == address {
			return true
		}
	}
	return false
}

func (s *served) open(at netip.AddrPort) (*frontend, error) {
	if err := s.addresses.AddAddress(at.Addr()); err != nil {
		return nil, err
	}
	listener, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
	if err != nil {
		return nil, err
	}
	f := &frontend{listener: listener}
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	go relay.Serve(ctx, listener, f.next)
	return f, nil
}

// frontend is an address and port that connections are accepted at.
type frontend struct {
	listener  *net.TCPListener
	endpoints atomic.Pointer[[]netip.AddrPort]
	turn      atomic.Uint64
	cancel    context.CancelFunc
}

// next returns the endpoint whose turn it is, or "" where there is none.
func (f *frontend) next() string {
	endpoints := f.endpoints.Load()
	if endpoints == nil || len(*endpoints) == 0 {
		return ""
	}
	return (*endpoints)[f.turn.Add(1)%uint64(len(*endpoints))].String()
}

// close ends the frontend with its connections, which could not go on without
// its address.
func (f *frontend) close() {
	f.listener.Close()
	f.cancel()
}
