package plugin

import (
	"hash/fnv"
	"math"
	"sync"
)

// Backend is an endpoint as a front knows it.
type Backend struct {
	// Endpoint is its name.
	Endpoint string `json:"endpoint,omitempty"`
	// Path is where the inner listener has it.
	Path string `json:"path,omitempty"`
	// Priority says who is asked first: the smallest number.
	Priority int `json:"priority,omitempty"`
	// Weight is its share among the backends of its priority.
	Weight int `json:"weight,omitempty"`
}

// turns share requests among the backends of a service in proportion to their weights: exactly, and smoothly, as Traefik itself does. They
// live in a package variable, since Traefik makes its middlewares again whenever any object changes.
type turns struct {
	lock   sync.Mutex
	credit map[string]int
}

var (
	allTurns     = map[string]*turns{}
	allTurnsLock sync.Mutex
)

func turnsOf(service string) *turns {
	allTurnsLock.Lock()
	defer allTurnsLock.Unlock()
	if known, has := allTurns[service]; has {
		return known
	}
	made := &turns{credit: map[string]int{}}
	allTurns[service] = made
	return made
}

// nextTurn is the index of the backend whose turn it is among those that are open, of which there is one at least (smooth weighted round robin).
func nextTurn(t *turns, backends []Backend, open []int) int {
	best, most, total := -1, 0, 0
	t.lock.Lock()
	for _, i := range open {
		b := backends[i]
		total += b.Weight
		credit := t.credit[b.Endpoint] + b.Weight
		t.credit[b.Endpoint] = credit
		if best < 0 || credit > most {
			best = i
			most = credit
		}
	}
	t.credit[backends[best].Endpoint] = most - total
	t.lock.Unlock()
	return best
}

// home is the index of the backend that a key belongs to among those that are open, of which there is one at least. All replicas agree on it. A
// backend that comes takes only its own share of keys, and those of one that goes are shared among the others (weighted rendezvous hashing).
func home(key string, backends []Backend, open []int) int {
	best := open[0]
	highest := 0.0
	for _, i := range open {
		score := float64(backends[i].Weight) / -math.Log(unit(key, backends[i].Endpoint))
		if score > highest {
			best = i
			highest = score
		}
	}
	return best
}

// unit is a number above 0 and below 1 that two texts decide.
func unit(a, b string) float64 {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(a))
	_, _ = hash.Write([]byte{0})
	_, _ = hash.Write([]byte(b))
	// FNV leaves texts that differ in their last bytes close to one another (https://xoshiro.di.unimi.it/splitmix64.c).
	x := hash.Sum64()
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	x = x ^ (x >> 31)
	return (float64(x>>11) + 0.5) / (1 << 53)
}
