package plugin

import (
	"bytes"
	"net/http"
)

// serveWithFallbacks has other models answer where the one that is asked for cannot. Each is held to its own service's limits, and counted there.
func (c *catalog) serveWithFallbacks(w http.ResponseWriter, r *http.Request, h *heldBody, asked *model) {
	h.kept = h.bytes
	down := c.usable(r, asked.fallbacks)
	long := c.usable(r, asked.longer)
	m := asked
	for m != nil {
		t := &trial{writer: newAnswer(w), header: http.Header{}, held: h, outer: answerTo(r), fallsIfDown: len(down) > 0, fallsIfLong: len(long) > 0}
		t.serve(m, again(r, h, m, m == asked, t.fallsIfLong))
		switch {
		case t.isDown:
			m = down[0]
			down = down[1:]
		case t.isLong:
			m = long[0]
			long = long[1:]
		default:
			return
		}
	}
}

// usable are the models of these names that the caller of r may use.
func (c *catalog) usable(r *http.Request, names []string) []*model {
	var usable []*model
	for _, name := range names {
		if m := find(c, r, name); m != nil {
			usable = append(usable, m)
		}
	}
	return usable
}

// again is a request with the body that its client has sent, for m. IsJudged says that the answer is looked at.
func again(r *http.Request, h *heldBody, m *model, isFirst, isJudged bool) *http.Request {
	next := r.WithContext(r.Context())
	next.Header = r.Header.Clone()
	if isJudged {
		next.Header["Accept-Encoding"] = identity
	}
	h.bytes = h.kept
	h.reader.Reset(h.bytes)
	next.Body = h.body
	if isFirst {
		return next
	}
	if named, why := findModel(h.bytes); why == nil && named != nil {
		h.named = named
		renameHeld(h, next, m.name)
	}
	renameInQuery(next, m.name)
	return next
}

// trial is an answer that reaches the client only if no other model is asked in its place.
type trial struct {
	writer *answer
	header http.Header
	held   *heldBody
	// answer is what the model's service writes to; outer is that of the catalog, if anything looks at it.
	answer, outer *answer
	// fallsIfDown and fallsIfLong say that there is a model to ask where this one is down, and where the request is too long for it.
	fallsIfDown, fallsIfLong bool
	// isDown and isLong say that this has come to pass, and isPassed that the answer goes to the client.
	isDown, isLong, isPassed bool
	status                   int
	// kept is the body of an answer that may say that the request is too long.
	kept []byte
}

// serve has a model answer.
func (t *trial) serve(m *model, r *http.Request) {
	a := newAnswer(t)
	t.answer = a
	if t.outer != nil && t.outer.reading != nil {
		readTokens(a, r)
	}
	m.handler.ServeHTTP(a, withAnswer(r, a))
	endAnswer(a)
	if t.isPassed || t.isDown || t.status == 0 {
		return
	}
	if saysTooLong(t.kept) {
		t.isLong = true
		return
	}
	t.pass()
	_, _ = t.writer.Write(t.kept)
}

// Header is that of the trial until the answer goes to the client, whose header it is then.
func (t *trial) Header() http.Header {
	if t.isPassed {
		return t.writer.Header()
	}
	return t.header
}

// WriteHeader decides what can be decided by a status.
func (t *trial) WriteHeader(status int) {
	if status < http.StatusOK || t.status != 0 {
		return
	}
	t.status = status
	mayFall := !t.answer.isLimited
	switch {
	case mayFall && t.fallsIfDown && (status == http.StatusTooManyRequests || status >= http.StatusInternalServerError):
		t.isDown = true
	case mayFall && t.fallsIfLong && (status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge):
		// The body says whether that is why.
	default:
		t.pass()
	}
}

// pass lets the answer go to the client. No other model is asked.
func (t *trial) pass() {
	t.isPassed = true
	t.held.kept = nil
	drop(t.held)
	header := t.writer.Header()
	for name := range t.header {
		header[name] = t.header[name]
	}
	if t.outer != nil {
		t.tellOuter()
	}
	t.writer.WriteHeader(t.status)
}

// tellOuter has the catalog's answer know what the model's one does.
func (t *trial) tellOuter() {
	if t.answer.reading != nil {
		t.outer.reading = t.answer.reading
		t.outer.isReadBefore = true
	}
	for _, of := range t.answer.allowances {
		t.outer.allowances = tightest(t.outer.allowances, of)
	}
}

// maxReason is how much of an answer is kept to find out why it refuses a request.
const maxReason = 64 << 10

// Write writes a part of the answer.
func (t *trial) Write(part []byte) (int, error) {
	if t.status == 0 {
		t.WriteHeader(http.StatusOK)
	}
	if t.isPassed {
		return t.writer.Write(part)
	}
	if t.isDown {
		return len(part), nil
	}
	t.kept = append(t.kept, part...)
	if len(t.kept) <= maxReason {
		return len(part), nil
	}
	t.pass()
	_, err := t.writer.Write(t.kept)
	return len(part), err
}

// tooLong are words, in lower case, by which servers say that a request is too long for a model: OpenAI's and Groq's, vLLM's and Mistral's, Anthropic's, Google's, and TGI's.
var tooLong = [][]byte{
	[]byte("context_length_exceeded"), []byte("maximum context length"), []byte("context window"), []byte("prompt is too long"), []byte("input token count"),
	[]byte("max_new_tokens` must be"),
}

func saysTooLong(text []byte) bool {
	text = bytes.ToLower(text)
	for _, words := range tooLong {
		if bytes.Contains(text, words) {
			return true
		}
	}
	return false
}
