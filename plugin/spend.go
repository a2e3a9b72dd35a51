package plugin

import "time"

// spending are the tokens that a client has used in the span that is now.
type spending struct {
	// known are those of all replicas, as far as the store has told; own are this replica's that the store has not been told of. Without a store all are own.
	known, own int
	// isWanted says that somebody has asked since the store was last asked.
	isWanted bool
}

// overspent is how long it takes until a client may use tokens again; 0 where it may now. Spans follow each other from 1970 on, so that a day begins at
// midnight in UTC.
func (m *meter) overspent(client string, tokens int, now time.Time) time.Duration {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.turn(now)
	if m.used(client) < tokens {
		return 0
	}
	return m.untilTurn(now)
}

// spend counts the tokens of a request at its end, when they are known.
func (m *meter) spend(client string, tokens int, now time.Time) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.turn(now)
	m.spendingOf(client).own += tokens
}

// turn forgets what was spent before the span that is now.
func (m *meter) turn(now time.Time) {
	// Of two requests at the turn of a span, the later one may come first.
	if span := now.Unix() / m.seconds; span != m.span && span != m.span-1 {
		m.span = span
		m.spent = map[string]*spending{}
	}
}

func (m *meter) untilTurn(now time.Time) time.Duration {
	return time.Unix((m.span+1)*m.seconds, 0).Sub(now)
}

// used is how many tokens a client has used.
func (m *meter) used(client string) int {
	if shared == nil && m.spent[client] == nil && len(m.spent) < maxClients {
		return 0
	}
	s := m.spendingOf(client)
	s.isWanted = true
	return s.known + s.own
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
	m.turn(now)
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
