package plugin

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
)

// isStreamed says whether a request is one of those whose answer can be a stream that says how many tokens it took only if it is asked to
// (https://platform.openai.com/docs/api-reference/chat/create#chat_create-stream_options), and somebody wants to know.
func isStreamed(r *http.Request, known *loan) bool {
	if r.Method != http.MethodPost || !isAnswerRead(r, known) || !strings.HasSuffix(r.URL.Path, "/completions") {
		return false
	}
	// Of a body that is at hand, little shows that it asks for none.
	body := bodyAtHand(r, known)
	return body == nil || isStreaming.Match(body)
}

// isAnswerRead says whether somebody wants to know how many tokens the answer to r takes.
func isAnswerRead(r *http.Request, known *loan) bool {
	if known != nil {
		return known.isRead
	}
	a := answerTo(r)
	return a != nil && a.reading != nil
}

// bodyAtHand is the body of r, if it is in memory as a whole; nil otherwise.
func bodyAtHand(r *http.Request, known *loan) []byte {
	if known != nil {
		return bodyLent(known)
	}
	if held := bodyHeld(r); held != nil && r.Body == held.body {
		return held.bytes
	}
	return nil
}

var (
	isStreaming = regexp.MustCompile(`"stream"[ \t\r\n]*:[ \t\r\n]*true`)
	optionsKey  = []byte(`"stream_options"`)
)

// mostNested is how many keys called stream are looked at.
const mostNested = 8

// askUsage adds the question for the usage to the changes of a body that asks for a stream, and does not ask itself. A mark on the answer has that hidden from the client.
func askUsage(changes []splice, w http.ResponseWriter, body []byte) []splice {
	if !asksForStream(body) {
		return changes
	}
	if !bytes.Contains(body, optionsKey) {
		from := bytes.IndexByte(body, '{') + 1
		w.Header()[askedHeader] = askedMark
		return append(changes, splice{from, from, `"stream_options":{"include_usage":true},`})
	}
	if asked := askAmongOptions(body); asked != nil {
		w.Header()[askedHeader] = askedMark
		return append(changes, *asked)
	}
	return changes
}

// asksForStream says whether an object has the key stream with true at its top level.
func asksForStream(body []byte) bool {
	places := isStreaming.FindAllIndex(body, mostNested)
	if len(places) == 0 || !isObject(body) || !json.Valid(body) {
		return false
	}
	for _, place := range places {
		if isTopKey(body, place[0]) {
			return true
		}
	}
	return false
}

// askAmongOptions is the change of a body that has options for its stream; nil where these ask already, or are none.
func askAmongOptions(body []byte) *splice {
	at := bytes.Index(body, optionsKey)
	if bytes.Count(body, optionsKey) > 1 || !isTopKey(body, at) {
		return nil
	}
	start := at + len(optionsKey)
	start += bytes.IndexByte(body[start:], ':') + 1
	decoder := json.NewDecoder(bytes.NewReader(body[start:]))
	var value json.RawMessage
	if decoder.Decode(&value) != nil {
		return nil
	}
	var options map[string]json.RawMessage
	if json.Unmarshal(value, &options) != nil || string(options["include_usage"]) == "true" {
		return nil
	}
	if options == nil {
		options = map[string]json.RawMessage{}
	}
	options["include_usage"] = json.RawMessage("true")
	text, err := json.Marshal(options)
	if err != nil {
		return nil
	}
	to := start + int(decoder.InputOffset())
	return &splice{to - len(value), to, string(text)}
}
