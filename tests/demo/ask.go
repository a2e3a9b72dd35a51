package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// retryDelay passes between two tries for a first answer.
const retryDelay = 50 * time.Millisecond

// body of a chat completion request. It asks for little, since real servers may cost money.
func body(model string, stream bool) string {
	return fmt.Sprintf(`{"model":%q,"stream":%t,"max_tokens":32,"messages":[{"role":"user","content":"Who are you?"}]}`, model, stream)
}

// curl is a command that a person can type.
func curl(url, model string) string {
	return fmt.Sprintf("curl -N %s/chat/completions \\\n  -H 'Content-Type: application/json' \\\n  -d '%s'", url, body(model, true))
}

// firstAnswer asks until there is an answer, for as long as patience lasts, and says how many tries that took.
func firstAnswer(ctx context.Context, url, model string, patience time.Duration) (tries int, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		tries++
		_, err := ask(ctx, url, body(model, false), func(string) {})
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
// read. It returns which backend
// answered, if that tells.
func ask(ctx context.Context, url, body string, say func(string)) (backend string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/chat/completions", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	backend = response.Header.Get(modelserver.HeaderName)
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1000))
		return backend, fmt.Errorf("POST %s/chat/completions: %s: %s", url, response.Status, text)
	}
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		_, err := io.Copy(io.Discard, response.Body)
		return backend, err
	}
	return backend, eachToken(response.Body, say)
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
