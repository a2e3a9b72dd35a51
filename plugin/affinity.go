package plugin

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// maxPrompt is how much of a body is looked at for the beginning of its prompt, in bytes.
const maxPrompt = 64 << 10

// keyOf is what a request has in common with those that should go to the same backend; empty if there is nothing.
func (f Front) keyOf(r *http.Request, body []byte) string {
	switch f.AffinityBy {
	case "header":
		return r.Header.Get(f.AffinityName)
	case "cookie":
		cookie, err := r.Cookie(f.AffinityName)
		if err != nil {
			return ""
		}
		return cookie.Value
	case "caller":
		return r.Header.Get(CallerHeader)
	case "prompt":
		return promptOf(body)
	}
	return ""
}

// promptOf is the beginning of a request's prompt: all messages up to the first one of a user, which a conversation repeats with each request, or the
// beginning of a prompt that is one text. It is empty where there is neither.
func promptOf(body []byte) string {
	if len(body) > maxPrompt {
		body = body[:maxPrompt]
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	opening, err := decoder.Token()
	if err != nil || opening != json.Delim('{') {
		return ""
	}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return ""
		}
		name, _ := token.(string)
		if name == "messages" || name == "input" || name == "prompt" || name == "contents" {
			return promptIn(decoder, body)
		}
		var skipped json.RawMessage
		if decoder.Decode(&skipped) != nil {
			return ""
		}
	}
	return ""
}

// promptIn reads the value of a prompt from where the decoder is.
func promptIn(decoder *json.Decoder, body []byte) string {
	begin := decoder.InputOffset()
	token, err := decoder.Token()
	if err != nil {
		// A text that is longer than what is looked at.
		return string(body[begin:])
	}
	text, isText := token.(string)
	if isText {
		if len(text) > 1024 {
			text = text[:1024]
		}
		return text
	}
	if token != json.Delim('[') {
		return ""
	}
	for decoder.More() {
		var message json.RawMessage
		if decoder.Decode(&message) != nil {
			return string(body[begin:])
		}
		var who struct {
			Role string `json:"role"`
		}
		if json.Unmarshal(message, &who) == nil && who.Role == "user" {
			return string(body[begin:decoder.InputOffset()])
		}
	}
	return string(body[begin:decoder.InputOffset()])
}
