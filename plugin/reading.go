package plugin

import (
	"bytes"
	"net/http"
	"strings"
	"sync/atomic"
)

// reading finds out how many tokens an answer takes while it goes to the client. What the interpreter does for each part is little: Go's own functions look for
// the few parts that say so.
type reading struct {
	kind int
	// kept is what has been read of a whole answer, or of an event whose end has not come.
	kept []byte
	// isLong says that it is too long to be kept; end is the end of a long event so far, in which its separator may have begun.
	isLong bool
	end    []byte
	// hides keeps the usage from a client that has not asked for it; the gateway has.
	hides bool
	// asked is how long the request is, and passed how long the answer is so far, in bytes; events are how many have had data.
	asked, passed int64
	events        int
	usage         usage
	// eventsKnown are those up to the one that has told the usage.
	eventsKnown int
	// isKnown says that the answer has said how many tokens it took, isBegun that it was before it wrote any, and isLast that no more was to come.
	isKnown, isBegun, isLast bool
	// model is what the answer calls the model, and requested what its client does, if a catalog knows.
	model, requested string
}

// The kinds of answers: without tokens, in one piece, and as a stream of events.
const (
	unread = iota
	inOnePiece
	inEvents
)

// maxKept is how much of an answer or an event is kept to be read as a whole, in bytes.
const maxKept = 64 << 10

// askedHeader says, on an answer, that the gateway has asked for its usage. Its value is drawn for each process, so that no server can say so.
const askedHeader = HeaderPrefix + "Asked"

var askedMark = []string{drawToken()}

// beginParts looks at the header of an answer that is to be read, and gives what reads its parts; nil where they say nothing of tokens.
func beginParts(a *answer, header http.Header) *reading {
	g := a.reading
	g.hides = false
	if marks := header[askedHeader]; len(marks) > 0 {
		g.hides = marks[0] == askedMark[0]
		delete(header, askedHeader)
	}
	if a.status < 200 || a.status > 299 || isEncoded(header) {
		return nil
	}
	if a.isEvents {
		g.kind = inEvents
		if g.hides {
			// It is not that long any more.
			delete(header, "Content-Length")
		}
		return g
	}
	if strings.HasPrefix(header.Get("Content-Type"), "application/json") {
		g.kind = inOnePiece
		return g
	}
	return nil
}

// isEncoded says whether an answer is compressed.
func isEncoded(header http.Header) bool {
	encodings := header["Content-Encoding"]
	return len(encodings) > 0 && encodings[0] != "" && encodings[0] != "identity"
}

// An event ends with an empty line (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream).
var (
	lineFeeds = []byte("\n\n")
	lineEnds  = []byte("\r\n\r\n")
	dataField = []byte("data:")
	dataLine  = []byte("\ndata:")
)

// keepPiece reads a part of an answer in one piece.
func keepPiece(g *reading, part []byte) {
	g.passed += int64(len(part))
	g.kept = append(g.kept, part...)
	if len(g.kept) > maxKept {
		g.beginLong(g.kept)
		g.kept = g.scan(g.kept)
	}
}

// readPart reads a part of a stream of events, and gives what the client gets now.
func readPart(g *reading, part []byte) []byte {
	if len(g.kept) == 0 && !g.isLong && bytes.HasSuffix(part, lineFeeds) && (!bytes.Contains(part, usageKey) || !saysUsage(part)) {
		// As in eventsIn. Each call would take the interpreter a microsecond for each token.
		g.events += bytes.Count(part, dataLine)
		if part[0] == 'd' {
			g.events++
		}
		return part
	}
	if g.hides {
		return g.readEvents(part)
	}
	g.readEvents(part)
	return part
}

// eventsIn is how many events of a text have data, which is a token or more.
func eventsIn(text []byte) int {
	n := bytes.Count(text, dataLine)
	if bytes.HasPrefix(text, dataField) {
		n++
	}
	return n
}

// readEvents is readPart for a part that ends within an event, or says how many tokens there are. It gives all events that have ended, without the one that says no more than
// the usage, and of the next one the lines that come before its data.
func (g *reading) readEvents(part []byte) []byte {
	var shown []byte
	if g.isLong {
		shown, part = g.readLong(part)
	}
	text := append(g.kept, part...)
	g.kept = nil
	for {
		event, rest := cutEvent(text)
		if event == nil {
			break
		}
		g.events += eventsIn(event)
		if !saysUsage(event) || !read(g, dataOf(event)) {
			shown = append(shown, event...)
		}
		text = rest
	}
	if len(text) > maxKept {
		g.beginLong(text)
		g.events += eventsIn(text)
		g.end = nil
		g.noteLong(text)
		return append(shown, text...)
	}
	held := dataFrom(text)
	g.kept = append([]byte(nil), text[held:]...)
	return append(shown, text[:held]...)
}

// beginLong notes the model that a text names first. The rest is not kept.
func (g *reading) beginLong(text []byte) {
	if !g.isLong {
		if at := bytes.Index(text, modelKey); at >= 0 {
			note(g, modelAt(text[at:]), nil, false)
		}
	}
	g.isLong = true
}

// cutEvent cuts the first event off a text; it is nil if none has ended.
func cutEvent(text []byte) (event, rest []byte) {
	end := endOfEvent(text)
	if end < 0 {
		return nil, text
	}
	return text[:end], text[end:]
}

func endOfEvent(text []byte) int {
	end := bytes.Index(text, lineFeeds)
	if end >= 0 {
		end += len(lineFeeds)
	}
	if other := bytes.Index(text, lineEnds); other >= 0 && (end < 0 || other+len(lineEnds) < end) {
		end = other + len(lineEnds)
	}
	return end
}

// dataFrom is where the data of an event begin that has not ended, or a line that is not whole. What is before, such as a comment that keeps a connection alive, need not wait.
func dataFrom(text []byte) int {
	if bytes.HasPrefix(text, dataField) {
		return 0
	}
	if at := bytes.Index(text, dataLine); at >= 0 {
		return at + 1
	}
	return bytes.LastIndexByte(text, '\n') + 1
}

// readLong reads a part while an event is too long to be kept, and gives what belongs to it, and the rest.
func (g *reading) readLong(part []byte) (ofEvent, rest []byte) {
	text := append(g.end, part...)
	before := len(g.end)
	end := endOfEvent(text)
	if end < 0 {
		g.noteLong(part)
		return append([]byte(nil), part...), nil
	}
	g.isLong = false
	g.kept = append(g.kept, part[:end-before]...)
	g.scan(g.kept)
	g.kept = nil
	return append([]byte(nil), part[:end-before]...), part[end-before:]
}

// noteLong reads what a long event says of its tokens, and keeps its end.
func (g *reading) noteLong(part []byte) {
	g.kept = g.scan(append(g.kept, part...))
	end := append(g.end, part...)
	if len(end) > len(lineEnds)-1 {
		end = end[len(end)-len(lineEnds)+1:]
	}
	g.end = append([]byte(nil), end...)
}

func dataOf(event []byte) []byte {
	_, data, _ := bytes.Cut(event, dataField)
	return data
}

// endParts reads what is left to read, and gives what the client has not got yet.
func endParts(g *reading) []byte {
	if len(g.kept) == 0 {
		return nil
	}
	if g.kind == inOnePiece && !g.isLong {
		if bytes.Contains(g.kept, usageKey) {
			read(g, g.kept)
		}
		g.kept = nil
		return nil
	}
	return g.endRest()
}

func (g *reading) endRest() []byte {
	rest := g.kept
	g.kept = nil
	if g.isLong {
		g.scan(rest)
		return nil
	}
	isAlone := saysUsage(rest) && read(g, dataOf(rest))
	if !g.hides || isAlone {
		return nil
	}
	return rest
}

// bytesOfToken is how long a token is about, where its server does not say how many there are.
const bytesOfToken = 4

// isSettled says whether an answer has said all tokens that it took. In a stream of events with choices, each may tell those so far; only an end tells that it was the last.
func isSettled(g *reading, isCut bool) bool {
	switch g.kind {
	case inOnePiece:
		return g.isKnown || !isCut
	case inEvents:
		return g.isLast || !isCut && g.isKnown && !g.isBegun && g.events-g.eventsKnown <= 1
	}
	return true
}

// charged is what a limit counts of an answer. Of one that has broken off, or whose server does not tell, it counts events, or bytes: a client cannot get tokens for nothing by
// leaving before the end.
func charged(g *reading, isCut bool) int {
	if isSettled(g, isCut) {
		return g.usage.input + g.usage.output
	}
	return g.guessed()
}

func (g *reading) guessed() int {
	u := g.usage
	if u.input == 0 {
		u.input = int(atomic.LoadInt64(&g.asked) / bytesOfToken)
	}
	written := g.events
	if g.kind == inOnePiece {
		written = int(g.passed / bytesOfToken)
	}
	if u.output < written {
		u.output = written
	}
	return u.input + u.output
}
