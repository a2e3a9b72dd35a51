package plugin

import (
	"bytes"
	"io"
	"net/http"
	"strings"
)

// splice is a text in the place of a part of a body.
type splice struct {
	from, to int
	text     string
}

// changed is the body with two splices.
func changed(body []byte, changes []splice) []byte {
	first, second := changes[0], changes[1]
	if second.from < first.from {
		first = changes[1]
		second = changes[0]
	}
	return bytes.Join([][]byte{body[:first.from], []byte(first.text), body[first.to:second.from], []byte(second.text), body[second.to:]}, nil)
}

// serveChanged serves a request for the model that the server calls m.model, if that is set, and asks for the usage, if asks is. The
// interpreter keeps what a function has had in its hands until the function returns. So other functions, which return before the request goes on, look at the body.
func serveChanged(b *backend, w http.ResponseWriter, r *http.Request, known *loan, asks bool) {
	if b.model != "" && r.URL.RawQuery != "" {
		renameInQuery(r, b.model)
	}
	if r.ContentLength == 0 || isStream(r) {
		b.next.ServeHTTP(w, r)
		return
	}
	held, goesOn := changeBody(b, w, r, known, asks)
	defer letGo(held)
	if !goesOn {
		return
	}
	if held != nil && r.ContentLength > manyBytes {
		// The answer may go on for minutes after the server has read it all.
		r.Body = io.NopCloser(io.TeeReader(r.Body, &countdown{left: r.ContentLength, held: held}))
	}
	b.next.ServeHTTP(w, r)
}

// countdown is told what is read of a body, and lets go of what holds it at its end.
type countdown struct {
	left int64
	held *heldBody
}

// Write counts a part.
func (c *countdown) Write(part []byte) (int, error) {
	c.left -= int64(len(part))
	if c.left <= 0 {
		letGo(c.held)
	}
	return len(part), nil
}

// changeBody changes the body of r, or refuses the request. It gives what the body is held in; nil where nobody has to let it go.
func changeBody(b *backend, w http.ResponseWriter, r *http.Request, known *loan, asks bool) (*heldBody, bool) {
	if isForm(r) {
		return nil, b.model == "" || isNoObject(w, r)
	}
	if !isPlain(r) {
		if b.model == "" {
			return nil, true
		}
		refuseEncoded(w, r)
		return nil, false
	}
	if known != nil && known != nothingLent {
		return nil, changeLent(b, w, r, known, asks)
	}
	if b.model == "" {
		return askIfHeld(b, w, r), true
	}
	h, err := holdWhole(r)
	if err != nil {
		refuseBody(w, r, err)
		return nil, false
	}
	return h, changeHeld(b, w, r, h, asks)
}

// askIfHeld asks for the usage in a body that there is room for. Any other goes on as it is.
func askIfHeld(b *backend, w http.ResponseWriter, r *http.Request) *heldBody {
	if r.ContentLength > mostOfOne() {
		return nil
	}
	h, err := holdOnce(r, mostOfOne())
	if err == nil && h.isWhole {
		changeHeld(b, w, r, h, true)
	}
	return h
}

// isNoObject refuses a form that some server could take for an object, since it does not look at the media type.
func isNoObject(w http.ResponseWriter, r *http.Request) bool {
	h, err := hold(r, 1<<10)
	if err != nil {
		refuseBody(w, r, err)
		return false
	}
	defer letGo(h)
	if isObject(h.bytes) || hasMark(h.bytes) {
		refuse(w, r, unreadableBody)
		return false
	}
	return true
}

// changeLent gives r the body that a front lends it, changed.
func changeLent(b *backend, w http.ResponseWriter, r *http.Request, known *loan, asks bool) bool {
	body := bodyLent(known)
	if body == nil {
		// The front does not wait any more.
		refuse(w, r, notFound)
		return false
	}
	named := known.named
	if named == nil && b.model != "" {
		found, why := findToChange(body)
		if why != nil {
			refuse(w, r, *why)
			return false
		}
		named = found
	}
	change(b, w, r, body, named, asks)
	return true
}

// changeHeld does the same with a body that is held.
func changeHeld(b *backend, w http.ResponseWriter, r *http.Request, h *heldBody, asks bool) bool {
	var named *namedModel
	if b.model != "" {
		found, why := findToChange(h.bytes)
		if why != nil {
			refuse(w, r, *why)
			return false
		}
		named = found
	}
	body := h.bytes
	h.reader.Reset(nil)
	h.bytes = nil
	change(b, w, r, body, named, asks)
	return true
}

// findToChange finds the model in a body that need not be an object.
func findToChange(body []byte) (*namedModel, *refusal) {
	if hasMark(body) {
		return nil, &invalidJSON
	}
	if !isObject(body) {
		return nil, nil
	}
	return findModel(body)
}

// change gives r a body with the backend's name in place of the model's that it names, if the backend has one, and, if asks is, with a question for the usage. All else stays as it
// is, byte for byte.
func change(b *backend, w http.ResponseWriter, r *http.Request, body []byte, named *namedModel, asks bool) {
	if asks {
		b.changeAndAsk(w, r, body, named)
		return
	}
	if named == nil || b.model == "" {
		setBody(r, body)
		setLength(r, len(body))
		return
	}
	spliced(r, body, splice{named.from, named.to, b.inJSON})
}

// changeAndAsk is change where the usage is asked for.
func (b *backend) changeAndAsk(w http.ResponseWriter, r *http.Request, body []byte, named *namedModel) {
	var changes []splice
	if named != nil && b.model != "" {
		changes = append(changes, splice{named.from, named.to, b.inJSON})
	}
	changes = askUsage(changes, w, body)
	switch len(changes) {
	case 2:
		body = changed(body, changes)
	case 1:
		spliced(r, body, changes[0])
		return
	}
	setBody(r, body)
	setLength(r, len(body))
}

// spliced gives r a body with a splice.
func spliced(r *http.Request, body []byte, s splice) {
	length := len(body) - (s.to - s.from) + len(s.text)
	r.Body = bodyOf(length, bytes.NewReader(body[:s.from]), strings.NewReader(s.text), bytes.NewReader(body[s.to:]))
	setLength(r, length)
}
