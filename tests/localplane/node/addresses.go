//go:build linux

package node

import (
	"fmt"
	"net/netip"
	"sync"
)

// addressPool hands out one address of each range per Pod; the first two and the last are not for Pods. Addresses go round the range, so that one is not given to
// another Pod while clients may still hold it.
type addressPool struct {
	range4, range6 netip.Prefix

	mu         sync.Mutex
	last       addresses
	inUse      map[netip.Addr]bool
	candidates int
}

// addresses are what one Pod, or the plane, is reached at.
type addresses struct {
	v4, v6 netip.Addr
}

func newAddressPool(range4, range6 netip.Prefix) *addressPool {
	return &addressPool{
		range4:     range4.Masked(),
		range6:     range6.Masked(),
		inUse:      map[netip.Addr]bool{},
		last:       addresses{range4.Masked().Addr().Next(), range6.Masked().Addr().Next()},
		candidates: 1<<(32-range4.Bits()) - 3,
	}
}

func (p *addressPool) take() (addresses, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range p.candidates {
		p.last = addresses{p.last.v4.Next(), p.last.v6.Next()}
		if !p.range4.Contains(p.last.v4.Next()) || !p.range6.Contains(p.last.v6) {
			p.last = addresses{p.range4.Addr().Next().Next(), p.range6.Addr().Next().Next()}
		}
		if !p.inUse[p.last.v4] {
			p.inUse[p.last.v4] = true
			return p.last, nil
		}
	}
	return addresses{}, fmt.Errorf("every address of %s is in use by a Pod", p.range4)
}

func (p *addressPool) giveBack(a addresses) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.inUse, a.v4)
}
