package plugin

import (
	"fmt"
	"log"
	"os"
	"strconv"
	"sync"
	"time"
)

// The environment variables by which replicas share what they count: the URL of a Redis server, its password, and what begins the names of keys there.
const (
	SharedVariable         = "MODELPLANE_REDIS"
	SharedPasswordVariable = "MODELPLANE_REDIS_PASSWORD"
	SharedNameVariable     = "MODELPLANE_REDIS_NAME"
)

const (
	// shareEvery is how often what is counted is sent and read. A request waits for none of it.
	shareEvery = 200 * time.Millisecond
	// maxAtOnce is how many counts are sent in one go.
	maxAtOnce = 1000
)

// store is a Redis server in which replicas add up the tokens that they count.
type store struct {
	url, password, name string
	connection          *redis
	// isDown says that the server has not answered.
	isDown bool
	// rests is until when it is not asked again.
	rests time.Time
	lock  sync.Mutex
}

// shared is the store of the process; nil where each replica counts for itself.
var shared *store

// shareNow shares once; nil where each replica counts for itself.
var shareNow = shareBy(os.Getenv(SharedVariable), os.Getenv(SharedPasswordVariable), os.Getenv(SharedNameVariable))

// shareBy has the process share by the server of a URL whenever the function that it gives is called; "" is none.
func shareBy(url, password, name string) func() {
	if url == "" {
		shared = nil
		return nil
	}
	s := &store{url: url, password: password, name: name}
	shared = s
	return func() { s.share(time.Now()) }
}

var shareOnce sync.Once

// beginSharing has the process share what it counts, if there is a store.
func beginSharing() {
	if shareNow != nil {
		shareOnce.Do(func() { go shareForEver() })
	}
}

func shareForEver() {
	for {
		time.Sleep(shareEvery)
		shareNow()
	}
}

// share sends what was counted since the last time, and reads what all replicas have counted. While the server is away, each replica counts for itself, and what
// it has counted is sent later.
func (s *store) share(now time.Time) {
	if now.Before(s.rests) {
		return
	}
	counts := countsToShare(now)
	for len(counts) > 0 {
		n := len(counts)
		if n > maxAtOnce {
			n = maxAtOnce
		}
		err := s.exchange(counts[:n])
		s.tell(err)
		if err != nil {
			s.rests = now.Add(5 * shareEvery)
			return
		}
		counts = counts[n:]
	}
}

// tell notes whether the server answers, and logs when that changes.
func (s *store) tell(err error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if isDown := err != nil; isDown != s.isDown {
		s.isDown = isDown
		if isDown {
			log.Printf("modelplane: Redis does not answer: %v; this replica counts tokens for itself until it does", err)
		} else {
			log.Printf("modelplane: Redis answers again; tokens are counted over all replicas")
		}
	}
}

// up is 1 while the server answers, and 0 otherwise.
func (s *store) up() string {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.isDown {
		return "0"
	}
	return "1"
}

// exchange sends counts and reads their sums. A server closes connections that say nothing for long, so that a second one is tried.
func (s *store) exchange(counts []count) error {
	commands := make([][]string, 0, 2*len(counts))
	for _, c := range counts {
		key := s.name + " " + c.meter.name + " " + strconv.FormatInt(c.span, 10) + " " + c.client
		if c.own == 0 {
			commands = append(commands, []string{"GET", key})
			continue
		}
		commands = append(commands, []string{"INCRBY", key, strconv.Itoa(c.own)}, []string{"EXPIRE", key, fmt.Sprint(2 * c.meter.seconds)})
	}
	sums, err := s.ask(commands)
	if err != nil {
		return err
	}
	at := 0
	for _, c := range counts {
		c.meter.learn(c, sums[at])
		at++
		if c.own > 0 {
			at++
		}
	}
	return nil
}

func (s *store) ask(commands [][]string) ([]int, error) {
	if s.connection != nil {
		sums, err := s.connection.ask(commands)
		if err == nil {
			return sums, nil
		}
		s.connection.close()
		s.connection = nil
	}
	connection, err := dialRedis(s.url, s.password)
	if err != nil {
		return nil, err
	}
	sums, err := connection.ask(commands)
	if err != nil {
		connection.close()
		return nil, err
	}
	s.connection = connection
	return sums, nil
}

// count is what one client has used of one limit since that was last sent.
type count struct {
	meter  *meter
	span   int64
	client string
	own    int
}

// countsToShare are those that have changed, or by which a request was let pass or refused, since the last time.
func countsToShare(now time.Time) []count {
	metersLock.Lock()
	var ofTokens []*meter
	for _, m := range meters {
		if m.seconds > 0 {
			ofTokens = append(ofTokens, m)
		}
	}
	metersLock.Unlock()
	var counts []count
	for _, m := range ofTokens {
		counts = m.toShare(counts, now)
	}
	return counts
}
