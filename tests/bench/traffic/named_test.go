package traffic

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/modelplane/pulumi-modelplane/tests/bench/figures"
)

// named are the servers that answer only who asks by their own name for the model, with their key.
var named = []string{"named0", "named1"}

const (
	// serversModel is that name.
	serversModel = "meta/m-70b"
	// replyTokens are those of an answer; each is an event of a stream.
	replyTokens = 50
)

// reply is the text of all answers.
var reply = strings.Repeat("word ", replyTokens)

// written are whole answers, by whether they are streamed. A stream ends with its usage only where that is asked for.
var written = map[bool]string{
	false: fmt.Sprintf(`{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":%q,"choices":[{"index":0,"message":{"role":"assistant","content":%q},`+
		`"finish_reason":"stop"}],"usage":{"prompt_tokens":200,"completion_tokens":%[3]d,"total_tokens":%[4]d}}`, serversModel, reply, replyTokens, 200+replyTokens),
	true: strings.Join(events[false], ""),
}

// events are those of a stream, by whether it tells its usage.
var events = map[bool][]string{false: eventsOf(false), true: eventsOf(true)}

func eventsOf(hasUsage bool) []string {
	event := func(rest string) string {
		return fmt.Sprintf(`data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":%q,%s}`+"\n\n", serversModel, rest)
	}
	all := slices.Repeat([]string{event(`"choices":[{"index":0,"delta":{"content":"word "},"finish_reason":null}]`)}, replyTokens)
	all = append(all, event(`"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]`))
	if hasUsage {
		all = append(all, event(fmt.Sprintf(`"choices":[],"usage":{"prompt_tokens":200,"completion_tokens":%d,"total_tokens":%d}`, replyTokens, 200+replyTokens)))
	}
	return append(all, "data: [DONE]\n\n")
}

// texts are what is said to the model, by the length of the body.
var texts = func() map[int]string {
	const line = `How much does a gateway add to this?\n`
	all := map[int]string{}
	for _, c := range calls {
		all[c.Body] = strings.Repeat(line, (c.Body-80)/len(line))
	}
	return all
}()

// chatOf is a request's body. The model comes after the messages, as OpenAI's own clients write it.
func chatOf(model string, c figures.Call) string {
	stream := ""
	if c.IsStreamed {
		stream = `,"stream":true`
	}
	return fmt.Sprintf(`{"messages":[{"role":"user","content":"%s"}],"model":%q%s}`, texts[c.Body], model, stream)
}

// answerNamed answers at once who asks rightly.
func answerNamed(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = faultOf(r, body)
	}
	if err != nil {
		http.Error(w, fmt.Sprintf(`{"error":{"message":%q,"type":"invalid_request_error"}}`, err), http.StatusBadRequest)
		return
	}
	if !bytes.Contains(body, []byte(`"stream":true`)) && !bytes.Contains(body, []byte(`"stream": true`)) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, written[false])
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w).Flush
	for _, event := range events[bytes.Contains(body, []byte(`"include_usage"`))] {
		if _, err := io.WriteString(w, event); err != nil || flush() != nil {
			return
		}
	}
}

// faultOf is what is wrong with a request. It looks for what must be there, and parses nothing, since a longer body would take it as long as a gateway.
func faultOf(r *http.Request, body []byte) error {
	if r.Method != http.MethodPost || r.URL.Path != "/v1/chat/completions" || r.Header.Get("Authorization") != "Bearer "+callerKey {
		return fmt.Errorf("not the right call or key: %s %s", r.Method, r.URL.Path)
	}
	_, rest, _ := bytes.Cut(body, []byte(`"model":`))
	if !bytes.HasPrefix(bytes.TrimLeft(rest, " "), []byte(`"`+serversModel+`"`)) {
		return fmt.Errorf("not the server's name for the model: %.60s", rest)
	}
	longest := "Hello"
	for _, text := range texts {
		if len(text) > len(longest) && len(text) <= len(body) {
			longest = text
		}
	}
	if !bytes.Contains(body, []byte(longest)) {
		return errors.New("not what the client has said")
	}
	return nil
}

// told is what is read of an answer, or of an event of a stream.
type told struct {
	Model   string
	Choices []struct {
		Message, Delta struct{ Content string }
	}
}

// isTheReply says what is wrong with an answer that another gateway has written anew.
func isTheReply(c figures.Call, body []byte, model string) error {
	said := ""
	read := func(text []byte) error {
		var one told
		if err := json.Unmarshal(text, &one); err != nil {
			return fmt.Errorf("%w: %.300s", err, text)
		}
		if one.Model != model {
			return fmt.Errorf("the model is %q", one.Model)
		}
		for _, choice := range one.Choices {
			said += choice.Message.Content + choice.Delta.Content
		}
		return nil
	}
	if !c.IsStreamed {
		if err := read(body); err != nil {
			return err
		}
	} else {
		whole, isEnded := bytes.CutSuffix(bytes.TrimSpace(body), []byte("data: [DONE]"))
		if !isEnded {
			return fmt.Errorf("the stream does not end: %.300q", body)
		}
		for line := range bytes.Lines(whole) {
			if event, isEvent := bytes.CutPrefix(line, []byte("data: ")); isEvent {
				if err := read(event); err != nil {
					return err
				}
			}
		}
	}
	if said != reply {
		return fmt.Errorf("the answer is %.300q", said)
	}
	return nil
}
