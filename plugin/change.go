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
func serveChanged(m *middleware, w http.ResponseWriter, r *http.Request, asks bool) {
	if m.model != "" && r.URL.RawQuery != "" {
		renameInQuery(r, m.model)
	}
	if r.ContentLength == 0 || isStream(r) {
		m.next.ServeHTTP(w, r)
		return
	}
	held, goesOn := changeBody(m, w, r, asks)
	defer letGo(held)
	if !goesOn {
		return
	}
	if held != nil && r.ContentLength > manyBytes {
		// The answer may go on for minutes after the server has read it all.
		r.Body = io.NopCloser(io.TeeReader(r.Body, &countdown{left: r.ContentLength, held: held}))
	}
	m.next.ServeHTTP(w, r)
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
func changeBody(m *middleware, w http.ResponseWriter, r *http.Request, asks bool) (*heldBody, bool) {
	if isForm(r) {
		return nil, m.model == "" || isNoObject(w, r)
	}
	if !isPlain(r) {
		if m.model == "" {
			return nil, true
		}
		refuseEncoded(w, r)
		return nil, false
	}
	number, _ := r.Context().Value(ofInner).(string)
	if known := loanOf(number); known != nil {
		return nil, changeIn(r, w, known.body, nil, m, asks)
	}
	if m.model == "" {
		return askIfHeld(m, w, r), true
	}
	h, err := holdWhole(r)
	if err != nil {
		refuseBody(w, r, err)
		return nil, false
	}
	return h, changeIn(r, w, h.bytes, h, m, asks)
}

// askIfHeld asks for the usage in a body that there is room for. Any other goes on as it is.
func askIfHeld(m *middleware, w http.ResponseWriter, r *http.Request) *heldBody {
	if r.ContentLength > mostOfOne() {
		return nil
	}
	h, err := holdOnce(r, mostOfOne())
	if err == nil && h.isWhole {
		changeIn(r, w, h.bytes, h, m, true)
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

// changeIn gives r its body with m.model in place of the model that it names, and, if asks is, with a question for the usage. All else stays as it is, byte
// for byte. Held is what has the body; nil where nobody has to let it go.
func changeIn(r *http.Request, w http.ResponseWriter, body []byte, held *heldBody, m *middleware, asks bool) bool {
	var changes []splice
	if m.model != "" {
		if hasMark(body) {
			refuse(w, r, invalidJSON)
			return false
		}
		if isObject(body) {
			found, why := findModel(body)
			if why != nil {
				refuse(w, r, *why)
				return false
			}
			if found != nil {
				changes = append(changes, splice{found.from, found.to, m.inJSON})
			}
		}
	}
	if asks {
		changes = askUsage(changes, w, body)
	}
	if held != nil {
		held.reader.Reset(nil)
		held.bytes = nil
	}
	if len(changes) == 2 {
		body = changed(body, changes)
		changes = nil
	}
	if len(changes) == 0 {
		r.Body = bodyOf(len(body), bytes.NewReader(body))
		setLength(r, len(body))
		return true
	}
	one := changes[0]
	length := len(body) - (one.to - one.from) + len(one.text)
	r.Body = bodyOf(length, bytes.NewReader(body[:one.from]), strings.NewReader(one.text), bytes.NewReader(body[one.to:]))
	setLength(r, length)
	return true
}
