package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// retryDelay passes between two tries for a first answer.
const retryDelay = 50 * time.Millisecond

// caller asks a service for chat completions.
type caller struct {
	url, model string
	// key is the caller's; empty for one without.
	key string
}

// header is that of each request.
func (c caller) header() http.Header {
	header := http.Header{"Content-Type": {"application/json"}}
	if c.key != "" {
		header.Set("Authorization", "Bearer "+c.key)
	}
	return header
}

// body of a chat completion request. It asks for little, since real servers may cost money.
func (c caller) body(stream bool) string {
	return fmt.Sprintf(`{"model":%q,"stream":%t,"max_tokens":32,"messages":[{"role":"user","content":"Who are you?"}]}`, c.model, stream)
}

// curl is a command that a person can type.
func (c caller) curl() string {
	var headers strings.Builder
	header := c.header()
	for _, name := range slices.Sorted(maps.Keys(header)) {
		fmt.Fprintf(&headers, " \\\n  -H '%s: %s'", name, header.Get(name))
	}
	return fmt.Sprintf("curl -N %s/chat/completions%s \\\n  -d '%s'", c.url, headers.String(), c.body(true))
}

// firstAnswer asks until there is an answer, for as long as patience lasts, and says how many tries that took.
func (c caller) firstAnswer(ctx context.Context, patience time.Duration) (tries int, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		tries++
		_, err := c.ask(ctx, false, func(string) {})
		if err == nil {
			return tries, nil
		}
		select {
		case <-ctx.Done():
			return tries, fmt.Errorf("no answer within %s and %d tries; the last: %w", patience, tries, err)
		case <-time.After(retryDelay):
		}
	}
}

// ask sends one chat completion request. Tokens of a streamed answer go to say as they arrive; a whole answer is only
// read. It returns which backend answered, if that tells.
func (c caller) ask(ctx context.Context, stream bool, say func(string)) (backend string, err error) {
	response, err := c.post(ctx, stream)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	backend = response.Header.Get(modelserver.HeaderName)
	if response.StatusCode != http.StatusOK {
		return backend, fmt.Errorf("POST %s/chat/completions: %s", c.url, answer(response))
	}
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		_, err := io.Copy(io.Discard, response.Body)
		return backend, err
	}
	return backend, eachToken(response.Body, say)
}

// refusal sends a request that must be refused for want of a key, and gives the answer.
func (c caller) refusal(ctx context.Context) (string, error) {
	response, err := c.post(ctx, true)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusUnauthorized {
		return "", fmt.Errorf("a caller without a key got %s", answer(response))
	}
	return answer(response), nil
}

func (c caller) post(ctx context.Context, stream bool) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/chat/completions", strings.NewReader(c.body(stream)))
	if err != nil {
		return nil, err
	}
	request.Header = c.header()
	return http.DefaultClient.Do(request)
}

// answer is a short answer's status and body.
func answer(response *http.Response) string {
	text, _ := io.ReadAll(io.LimitReader(response.Body, 1000))
	return fmt.Sprintf("%s: %s", response.Status, strings.TrimSpace(string(text)))
}

// eachToken reads server-sent events and hands on the tokens in them. A stream that ends before it says so is an error.
func eachToken(stream io.Reader, say func(string)) error {
	lines := bufio.NewScanner(stream)
	for lines.Scan() {
		data, isEvent := strings.CutPrefix(lines.Text(), "data: ")
		if !isEvent {
			continue
		}
		if data == "[DONE]" {
			return nil
		}
		var chunk struct {
			Choices []struct {
				Delta struct {
					Content string `json:"content"`
				} `json:"delta"`
			} `json:"choices"`
		}
		if err := json.Unmarshal([]byte(data), &chunk); err != nil {
			return fmt.Errorf("an event of the stream is not a completion: %w", err)
		}
		for _, choice := range chunk.Choices {
			say(choice.Delta.Content)
		}
	}
	return errors.Join(lines.Err(), errors.New("the stream ended without [DONE]"))
}
