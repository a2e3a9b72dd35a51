package plugin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// usage is how many tokens an answer took. Cached are those of the input that the server had already, and reasoning those of the output that the client is
// not shown.
type usage struct{ input, output, cached, reasoning int }

// saidUsage is what OpenAI's and Anthropic's APIs say of an answer's tokens (https://platform.openai.com/docs/api-reference/chat/object,
// https://platform.openai.com/docs/api-reference/responses/object, https://docs.anthropic.com/en/api/messages).
type saidUsage struct {
	PromptTokens             float64      `json:"prompt_tokens"`
	CompletionTokens         float64      `json:"completion_tokens"`
	InputTokens              float64      `json:"input_tokens"`
	OutputTokens             float64      `json:"output_tokens"`
	TotalTokens              float64      `json:"total_tokens"`
	CacheReadInputTokens     float64      `json:"cache_read_input_tokens"`
	CacheCreationInputTokens float64      `json:"cache_creation_input_tokens"`
	PromptTokensDetails      *saidDetails `json:"prompt_tokens_details"`
	InputTokensDetails       *saidDetails `json:"input_tokens_details"`
	CompletionTokensDetails  *saidDetails `json:"completion_tokens_details"`
	OutputTokensDetails      *saidDetails `json:"output_tokens_details"`
}

type saidDetails struct {
	CachedTokens    float64 `json:"cached_tokens"`
	ReasoningTokens float64 `json:"reasoning_tokens"`
	ThinkingTokens  float64 `json:"thinking_tokens"`
}

// saidPart is what has a usage: a whole answer, or what an event has of it.
type saidPart struct {
	Model string     `json:"model"`
	Usage *saidUsage `json:"usage"`
}

// said is an answer or an event.
type said struct {
	Model   string            `json:"model"`
	Usage   *saidUsage        `json:"usage"`
	Choices []json.RawMessage `json:"choices"`
	// Response is that of an event of OpenAI's responses, and Message that of Anthropic's first event, which does not know what is still to be written.
	Response *saidPart `json:"response"`
	Message  *saidPart `json:"message"`
}

// maxTokens is more than an answer takes. A server that says more is not believed.
const maxTokens = 1 << 31

// tokensOf is a number that may be one of tokens, 0 otherwise.
func tokensOf(number float64) int {
	if number > 0 && number < maxTokens {
		return int(number)
	}
	return 0
}

// usageOf is what a server says in the words of either API. A translator may say the same in both, so that they are not added up.
func usageOf(s *saidUsage) usage {
	u := usage{input: tokensOf(s.PromptTokens), output: tokensOf(s.CompletionTokens)}
	if s.PromptTokens <= 0 || s.CompletionTokens <= 0 {
		u = inOtherWords(s, u)
	}
	if s.PromptTokensDetails != nil || s.InputTokensDetails != nil || s.CacheReadInputTokens > 0 {
		u.cached = cachedOf(s)
	}
	if s.CompletionTokensDetails != nil || s.OutputTokensDetails != nil {
		u.reasoning = reasoningOf(s)
	}
	return u
}

// inOtherWords adds what Anthropic's API, OpenAI's responses and embeddings say.
func inOtherWords(s *saidUsage, u usage) usage {
	if s.PromptTokens <= 0 {
		// To Anthropic's API, what the cache has is no part of the input.
		u.input = tokensOf(s.InputTokens + s.CacheReadInputTokens + s.CacheCreationInputTokens)
	}
	if s.CompletionTokens <= 0 {
		u.output = tokensOf(s.OutputTokens)
	}
	if u.input+u.output == 0 {
		u.input = tokensOf(s.TotalTokens)
	}
	return u
}

func cachedOf(s *saidUsage) int {
	switch {
	case s.PromptTokensDetails != nil && s.PromptTokensDetails.CachedTokens > 0:
		return tokensOf(s.PromptTokensDetails.CachedTokens)
	case s.InputTokensDetails != nil && s.InputTokensDetails.CachedTokens > 0:
		return tokensOf(s.InputTokensDetails.CachedTokens)
	}
	return tokensOf(s.CacheReadInputTokens)
}

func reasoningOf(s *saidUsage) int {
	if s.CompletionTokensDetails != nil {
		return tokensOf(s.CompletionTokensDetails.ReasoningTokens)
	}
	return tokensOf(s.OutputTokensDetails.ReasoningTokens + s.OutputTokensDetails.ThinkingTokens)
}

// learn adds what a later event says to what is known. Some say only what is new, and others all.
func learn(g *reading, u usage) {
	if u.input > 0 {
		g.usage.input = u.input
		g.usage.cached = u.cached
		if u.cached > u.input {
			g.usage.cached = u.input
		}
	}
	if u.output > 0 {
		g.usage.output = u.output
		g.usage.reasoning = u.reasoning
		if u.reasoning > u.output {
			g.usage.reasoning = u.output
		}
	}
}

var (
	usageKey = []byte(`"usage"`)
	noUsage  = []byte(`"usage":null`)
	noUsage2 = []byte(`"usage": null`)
)

// saysUsage says whether a text may have a usage. Asked for it, servers write a null into all events but one.
func saysUsage(text []byte) bool {
	return bytes.Contains(text, usageKey) && bytes.Count(text, usageKey) > bytes.Count(text, noUsage)+bytes.Count(text, noUsage2)
}

// read reads a whole object, and says whether there is no more to it than the usage.
func read(g *reading, text []byte) bool {
	var s said
	// The rest of the object is read, too, where one of its parts is of another type.
	_ = json.NewDecoder(bytes.NewReader(text)).Decode(&s)
	if s.Response != nil || s.Message != nil {
		g.readNested(&s)
	}
	isAlone := s.Choices != nil && len(s.Choices) == 0
	note(g, s.Model, s.Usage, s.Choices == nil || isAlone)
	return isAlone && s.Usage != nil
}

// readNested reads an event that has a part of an answer.
func (g *reading) readNested(s *said) {
	if s.Response != nil {
		note(g, s.Response.Model, s.Response.Usage, true)
		return
	}
	note(g, s.Message.Model, s.Message.Usage, false)
	g.isBegun = s.Message.Usage != nil
}

// note adds what is said to what is known. IsLast says that nothing is to come after it.
func note(g *reading, model string, s *saidUsage, isLast bool) {
	if model != "" && len(model) <= MaxModel {
		g.model = model
	}
	if s == nil {
		return
	}
	u := usageOf(s)
	if u.input+u.output == 0 {
		return
	}
	learn(g, u)
	g.isKnown = true
	g.isBegun = false
	g.eventsKnown = g.events
	g.isLast = g.isLast || isLast
}

const (
	// maxUsage is how long a usage is at most, in bytes.
	maxUsage = 4 << 10
	// maxBefore is how far in front of it the model's name is looked for.
	maxBefore = 512
)

// scan reads the usages in a text that is too long to be kept as a whole, of which the last one counts, and gives its end, to be read with what follows.
func (g *reading) scan(text []byte) []byte {
	from := 0
	for {
		at := bytes.Index(text[from:], usageKey)
		if at < 0 {
			break
		}
		at += from
		from = at + len(usageKey)
		value := bytes.TrimLeft(text[from:], " \t\r\n")
		if len(value) == 0 || value[0] != ':' {
			continue
		}
		var s *saidUsage
		err := json.NewDecoder(bytes.NewReader(value[1:])).Decode(&s)
		if (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)) && len(text)-at < maxUsage {
			return append([]byte(nil), text[before(at):]...)
		}
		note(g, modelBefore(text[before(at):at]), s, true)
	}
	return append([]byte(nil), text[before(len(text)):]...)
}

func before(at int) int {
	if at < maxBefore {
		return 0
	}
	return at - maxBefore
}

// modelBefore is the model that a text names last.
func modelBefore(text []byte) string {
	at := bytes.LastIndex(text, modelKey)
	if at < 0 {
		return ""
	}
	return modelAt(text[at:])
}

// modelAt is the model that a text begins with the key of.
func modelAt(text []byte) string {
	_, value, _ := bytes.Cut(text, []byte(":"))
	name := ""
	_ = json.NewDecoder(bytes.NewReader(value)).Decode(&name)
	return name
}
