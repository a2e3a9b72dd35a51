package protocols

import (
	"fmt"
	"net/http"
	"strings"
)

// respond makes a response, which the server keeps (https://platform.openai.com/docs/api-reference/responses/create).
func (a *api) respond(w http.ResponseWriter, _ *http.Request, body map[string]any) {
	a.lock.Lock()
	previous, follows := body["previous_response_id"].(string)
	isKnown := a.made[previous]
	// No other server has one of this name.
	id := fmt.Sprintf("resp_%s_%d", strings.NewReplacer(".", "_", ":", "_").Replace(a.address), len(a.made))
	a.made[id] = true
	a.lock.Unlock()
	switch {
	case follows && !isKnown:
		fail(w, http.StatusBadRequest, "previous_response_not_found")
	case isTrue(body, "stream"):
		a.streamResponse(w, id)
	default:
		give(w, a.response(id, "completed"))
	}
}

func (a *api) respondAgain(w http.ResponseWriter, r *http.Request, _ map[string]any) {
	id := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	a.lock.Lock()
	isKnown := a.made[id]
	a.lock.Unlock()
	if !isKnown {
		fail(w, http.StatusNotFound, "response_not_found")
		return
	}
	give(w, a.response(id, "completed"))
}

// response is a response (https://platform.openai.com/docs/api-reference/responses/object).
func (a *api) response(id, status string) string {
	output, usage := "", "null"
	if status == "completed" {
		output = item("completed", part(reply))
		usage = `{"input_tokens":14,"input_tokens_details":{"cached_tokens":5,"cache_write_tokens":0},"output_tokens":9,"output_tokens_details":{"reasoning_tokens":4},"total_tokens":23}`
	}
	return fmt.Sprintf(`{"id":%q,"object":"response","created_at":1700000000,"status":%q,"background":false,"error":null,"incomplete_details":null,"instructions":null,"max_output_tokens":null,`+
		`"model":%q,"output":[%s],"parallel_tool_calls":true,"previous_response_id":null,"reasoning":{"effort":null,"summary":null},"store":true,"temperature":1.0,"text":{"format":{"type":"text"}},`+
		`"tool_choice":"auto","tools":[],"top_p":1.0,"truncation":"disabled","usage":%s,"user":null,"metadata":{}}`, id, status, a.model, output, usage)
}

func item(status, content string) string {
	return fmt.Sprintf(`{"id":"msg_1","type":"message","status":%q,"role":"assistant","content":[%s]}`, status, content)
}

func part(text string) string {
	return fmt.Sprintf(`{"type":"output_text","annotations":[],"logprobs":[],"text":%q}`, text)
}

// streamResponse sends the events of a response (https://platform.openai.com/docs/api-reference/responses-streaming).
func (a *api) streamResponse(w http.ResponseWriter, id string) {
	send, number := sse(w), 0
	event := func(kind, rest string) {
		send(kind, fmt.Sprintf(`{"type":%q,"sequence_number":%d,%s}`, kind, number, rest))
		number++
	}
	const place = `"item_id":"msg_1","output_index":0,"content_index":0,`
	event("response.created", `"response":`+a.response(id, "in_progress"))
	event("response.in_progress", `"response":`+a.response(id, "in_progress"))
	event("response.output_item.added", `"output_index":0,"item":`+item("in_progress", ""))
	event("response.content_part.added", place+`"part":`+part(""))
	for _, token := range strings.SplitAfter(reply, " ") {
		event("response.output_text.delta", fmt.Sprintf(`%s"delta":%q,"logprobs":[]`, place, token))
	}
	event("response.output_text.done", fmt.Sprintf(`%s"text":%q,"logprobs":[]`, place, reply))
	event("response.content_part.done", place+`"part":`+part(reply))
	event("response.output_item.done", `"output_index":0,"item":`+item("completed", part(reply)))
	event("response.completed", `"response":`+a.response(id, "completed"))
}

// anthropicAPI is Anthropic's API (https://platform.claude.com/docs/en/api/messages).
func anthropicAPI(model, key string) *api {
	a := &api{header: "X-Api-Key", key: key, model: model}
	a.calls = map[string]call{
		"POST /v1/messages": {must: []string{"model", "max_tokens", "messages"}, may: []string{"stream"}, answer: a.message},
		"POST /v1/messages/count_tokens": {must: []string{"model", "messages"}, answer: func(w http.ResponseWriter, _ *http.Request, _ map[string]any) {
			give(w, `{"input_tokens":16}`)
		}},
	}
	return a
}

// messageUsage is that of a message that has so much output by now.
func messageUsage(output int) string {
	return fmt.Sprintf(`{"input_tokens":15,"cache_creation_input_tokens":2,"cache_read_input_tokens":6,"cache_creation":{"ephemeral_5m_input_tokens":2,"ephemeral_1h_input_tokens":0},`+
		`"output_tokens":%d,"output_tokens_details":{"thinking_tokens":1},"service_tier":"standard"}`, output)
}

func (a *api) message(w http.ResponseWriter, r *http.Request, body map[string]any) {
	if r.Header.Get("Anthropic-Version") == "" {
		fail(w, http.StatusBadRequest, "missing_version")
		return
	}
	of := func(content, reason, usage string) string {
		return fmt.Sprintf(`{"id":"msg_1","type":"message","role":"assistant","model":%q,"content":[%s],"stop_reason":%s,"stop_sequence":null,"usage":%s}`, a.model, content, reason, usage)
	}
	if !isTrue(body, "stream") {
		give(w, of(fmt.Sprintf(`{"type":"text","text":%q}`, reply), `"end_turn"`, messageUsage(10)))
		return
	}
	send := sse(w)
	event := func(kind, rest string) { send(kind, fmt.Sprintf(`{"type":%q%s}`, kind, rest)) }
	event("message_start", `,"message":`+of("", "null", messageUsage(1)))
	event("content_block_start", `,"index":0,"content_block":{"type":"text","text":""}`)
	event("ping", "")
	for _, token := range strings.SplitAfter(reply, " ") {
		event("content_block_delta", fmt.Sprintf(`,"index":0,"delta":{"type":"text_delta","text":%q}`, token))
	}
	event("content_block_stop", `,"index":0`)
	event("message_delta", `,"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":10,"output_tokens_details":{"thinking_tokens":1}}`)
	event("message_stop", "")
}

// ollama is Ollama's own API, which streams if it is not told otherwise (https://docs.ollama.com/api/chat).
func ollama(model string) *api {
	a := &api{model: model}
	a.calls = map[string]call{"POST /api/chat": {must: []string{"model", "messages"}, may: []string{"stream"}, answer: func(w http.ResponseWriter, _ *http.Request, body map[string]any) {
		end := fmt.Sprintf(`{"model":%q,"created_at":"2024-01-01T00:00:00Z","message":{"role":"assistant","content":%q},"done":true,"prompt_eval_count":17,"eval_count":18}`, model, reply)
		if body["stream"] == false {
			give(w, end)
			return
		}
		w.Header().Set("Content-Type", "application/x-ndjson")
		fmt.Fprintln(w, end)
	}}}
	return a
}
