package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// serving is how long a gateway may take to serve a route that it has accepted; Traefik's own default is two seconds.
const serving = 5 * time.Second

// probe sends chat requests to one URL, and counts. Put your own measure here.
type probe struct {
	name, model  string
	client       openai.Client
	sent, failed int
}

func newProbe(name, model string, url string) *probe {
	client := openai.NewClient(option.WithBaseURL(url), option.WithAPIKey("unused"),
		option.WithMaxRetries(0), option.WithRequestTimeout(10*time.Second))
	return &probe{name: name, model: model, client: client}
}

// wait lets the gateway take in a new route.
func (p *probe) wait(ctx context.Context) {
	for end := time.Now().Add(serving); p.ask(ctx) == "HTTP 404" && time.Now().Before(end); {
		time.Sleep(serving / 50)
	}
}

// send gives what is wrong, or nothing.
func (p *probe) send(ctx context.Context) string {
	fault := p.ask(ctx)
	p.sent++
	if fault != "" {
		p.failed++
	}
	return fault
}

func (p *probe) ask(ctx context.Context) string {
	_, err := p.client.Chat.Completions.New(ctx, openai.ChatCompletionNewParams{
		Model:               p.model,
		Messages:            []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Hello")},
		MaxCompletionTokens: openai.Int(1),
	})
	var answer *openai.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &answer):
		return fmt.Sprintf("HTTP %d", answer.StatusCode)
	default:
		return "no answer"
	}
}

func (p *probe) String() string { return fmt.Sprintf("%s: %d of %d failed", p.name, p.failed, p.sent) }
