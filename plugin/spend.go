package plugin

import "time"

// spending are the tokens that a client has used in the span that is now.
type spending struct {
	// known are those of all replicas, as far as the store has told; own are this replica's that the store has not been told of. Without a store all are own.
	known, own int
	// isWanted says that somebody has asked since the store was last asked.
	isWanted bool
}

// ofTokens is what a client has left of its tokens, and how long it takes until it may use them again where nothing is. Spans follow each other from 1970 on, so that a day begins
// at midnight in UTC.
func ofTokens(m *meter, client string, tokens int, now time.Time) allowed {
	at := now.UnixNano()
	left := allowed{isTokens: true, limit: tokens, left: tokens}
	m.lock.Lock()
	turn(m, at)
	s := m.spent[client]
	if s == nil && (shared != nil || len(m.spent) >= maxClients) {
		s = m.spendingOf(client)
	}
	if s != nil {
		s.isWanted = true
		left.left -= s.known + s.own
	}
	left.reset = time.Duration(m.turnsAt - at)
	m.lock.Unlock()
	if left.left <= 0 {
		left.left = 0
		left.wait = left.reset
	}
	return left
}

// spend counts the tokens of a request at its end, when they are known.
func spend(m *meter, client string, tokens int, now time.Time) {
	at := now.UnixNano()
	m.lock.Lock()
	turn(m, at)
	s := m.spent[client]
	if s == nil {
		s = m.spendingOf(client)
	}
	s.own += tokens
	m.lock.Unlock()
}

// turn forgets what was spent before the span that is now. Of two requests at the turn of a span, the later one may come first.
func turn(m *meter, at int64) {
	if at < m.turnsAt && at >= m.keptFrom {
		return
	}
	length := m.seconds * int64(time.Second)
	m.span = at / length
	m.turnsAt = (m.span + 1) * length
	m.keptFrom = (m.span - 1) * length
	m.spent = map[string]*spending{}
}

func (m *meter) spendingOf(client string) *spending {
	if known := m.spent[client]; known != nil {
		return known
	}
	if len(m.spent) >= maxClients {
		client = others
		if known := m.spent[client]; known != nil {
			return known
		}
	}
	made := &spending{}
	m.spent[client] = made
	return made
}

// toShare adds what the store is to be told or asked.
func (m *meter) toShare(counts []count, now time.Time) []count {
	m.lock.Lock()
	defer m.lock.Unlock()
	turn(m, now.UnixNano())
	for client, s := range m.spent {
		if s.own > 0 || s.isWanted {
			s.isWanted = false
			counts = append(counts, count{meter: m, span: m.span, client: client, own: s.own})
		}
	}
	return counts
}

// learn notes what the store has told.
func (m *meter) learn(c count, sum int) {
	m.lock.Lock()
	defer m.lock.Unlock()
	if s := m.spent[c.client]; s != nil && m.span == c.span {
		s.known = sum
		s.own -= c.own
	}
}
