package modelserver

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxBody is the longest request that is read, in bytes: room for a long context, a bound for everything else.
const maxBody = 16 << 20

// chatRequest is what the server needs of https://platform.openai.com/docs/api-reference/chat/create.
type chatRequest struct {
	Model    string `json:"model"`
	Messages []struct {
		Content json.RawMessage `json:"content"`
	} `json:"messages"`
	Stream        bool `json:"stream"`
	StreamOptions *struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
}

// completion is both the whole answer and one chunk of a streamed one; they differ in Object and in what a choice holds.
type completion struct {
	ID      string   `json:"id"`
	Object  string   `json:"object"`
	Created int64    `json:"created"`
	Model   string   `json:"model"`
	Choices []choice `json:"choices"`
	Usage   *usage   `json:"usage"`
}

type choice struct {
	Index        int      `json:"index"`
	Message      *message `json:"message,omitempty"`
	Delta        *message `json:"delta,omitempty"`
	FinishReason *string  `json:"finish_reason"`
}

type message struct {
	Role    string `json:"role,omitempty"`
	Content string `json:"content,omitempty"`
}

// usage counts words as tokens.
type usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
}

func (s *Server) chat(w http.ResponseWriter, r *http.Request) {
	var request chatRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&request); err != nil {
		writeError(w, http.StatusBadRequest, "invalid_request_error", "", "The body is not a chat completion request: "+err.Error())
		return
	}
	if request.Model == "" || len(request.Messages) == 0 {
		writeError(w, http.StatusBadRequest, "invalid_request_error", "", "A chat completion request needs a model and messages.")
		return
	}

	if len(s.options.Models) > 0 && !slices.Contains(s.options.Models, request.Model) {
		writeError(w, http.StatusNotFound, "invalid_request_error", "model_not_found", fmt.Sprintf("The model %q does not exist.", request.Model))
		return
	}

	if s.options.UsageUnasked && request.StreamOptions != nil {
		writeError(w, http.StatusUnprocessableEntity, "invalid_request_error", "extra_forbidden", "Extra inputs are not permitted: stream_options.")
		return
	}

	tokens := strings.SplitAfter(s.options.Reply, " ")
	answer := completion{
		ID:      "chatcmpl-" + rand.Text(),
		Created: time.Now().Unix(),
		Model:   request.Model,
	}
	counted := usageOf(request, len(tokens))
	if request.Stream {
		if !s.options.UsageUnasked && (request.StreamOptions == nil || !request.StreamOptions.IncludeUsage) {
			counted = nil
		}
		s.stream(w, r, answer, tokens, counted)
		return
	}
	answer.Object = "chat.completion"
	answer.Usage = counted
	answer.Choices = []choice{{Message: &message{Role: "assistant", Content: s.options.Reply}, FinishReason: new("stop")}}
	writeJSON(w, http.StatusOK, answer)
}

func usageOf(request chatRequest, completionTokens int) *usage {
	prompt := 0
	for _, message := range request.Messages {
		prompt += len(strings.Fields(string(message.Content)))
	}
	return &usage{PromptTokens: prompt, CompletionTokens: completionTokens, TotalTokens: prompt + completionTokens}
}

// stream sends the role, each token, the finish reason and, where asked for, the usage, each as an event flushed at once.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, chunk completion, tokens []string, counted *usage) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	chunk.Object = "chat.completion.chunk"

	chunk.Choices = []choice{{Delta: &message{Role: "assistant"}}}
	sendEvent(w, chunk)
	for i, token := range tokens {
		if i > 0 && !pause(r, s.options.TokenDelay) {
			return
		}
		chunk.Choices = []choice{{Delta: &message{Content: token}}}
		// Counted before it is sent: a client that has a token finds it counted.
		s.tokens.Add(1)
		sendEvent(w, chunk)
	}
	chunk.Choices = []choice{{Delta: &message{}, FinishReason: new("stop")}}
	if s.options.UsageUnasked {
		chunk.Usage, counted = counted, nil
	}
	sendEvent(w, chunk)
	if counted != nil {
		chunk.Choices, chunk.Usage = []choice{}, counted
		sendEvent(w, chunk)
	}
	writeEvent(w, []byte("[DONE]"))
}

func sendEvent(w http.ResponseWriter, chunk completion) {
	data, err := json.Marshal(chunk)
	if err != nil {
		panic(err) // plain strings and numbers always marshal
	}
	writeEvent(w, data)
}

// writeEvent ignores errors: a client that has gone ends the request's context, and so the next pause.
func writeEvent(w http.ResponseWriter, data []byte) {
	fmt.Fprintf(w, "data: %s\n\n", data)
	http.NewResponseController(w).Flush()
}
