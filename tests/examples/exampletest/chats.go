package exampletest

import (
	"cmp"
	"crypto/tls"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

var (
	//go:embed clients/chat.mjs
	nodeClient []byte
	//go:embed clients/chat.py
	pythonClient []byte
)

// Chats has a language's OpenAI client with a key of its own send count chat requests whole and as many as streams to url.
func Chats(t testing.TB, language, url string, count int) map[string]int {
	t.Helper()
	return Client{Language: language, URL: url, Key: "the-client-s-own"}.Chats(t, count)
}

// Client is the OpenAI client of a language: typescript, python, or else Go. It trusts the plane's authorities.
type Client struct {
	Language, URL string
	// Key is sent to the gateway; empty for none.
	Key string
	// Model is asked for; empty is test-model.
	Model string
}

func (c Client) model() string { return cmp.Or(c.Model, "test-model") }

// Chats sends count chat requests whole and as many as streams, all of which must be answered. It gives how often each answer came.
func (c Client) Chats(t testing.TB, count int) map[string]int {
	t.Helper()
	answers, err := c.chat(t, count)
	require.NoError(t, err, answers)
	require.Len(t, answers, 2*count)
	counted := map[string]int{}
	for _, answer := range answers {
		require.NotEmpty(t, answer)
		counted[answer]++
	}
	return counted
}

// Refusal sends a request that must be refused, and gives the status and code that the client has for it.
func (c Client) Refusal(t testing.TB) string {
	t.Helper()
	answers, err := c.chat(t, 1)
	require.Error(t, err, answers)
	return answers[len(answers)-1]
}

// chat is what the client gets. After an error, the last answer is the refusal.
func (c Client) chat(t testing.TB, count int) ([]string, error) {
	t.Helper()
	switch c.Language {
	case "typescript":
		return c.chatBy(t, "node", "chat.mjs", nodeClient, count)
	case "python":
		return c.chatBy(t, filepath.Join(installed(t), "venv", "bin", "python"), "chat.py", pythonClient, count)
	default:
		return c.chatByGo(t, count)
	}
}

// chatBy is what a client of another language gets.
func (c Client) chatBy(t testing.TB, interpreter, name string, program []byte, count int) ([]string, error) {
	t.Helper()
	// Node looks for packages beside the program.
	path := filepath.Join(fresh(t), name)
	require.NoError(t, os.WriteFile(path, program, 0o600))
	command := exec.CommandContext(t.Context(), interpreter, path, c.URL, strconv.Itoa(count), c.Key, c.model())
	trusted := harness.Plane.TrustedFile()
	command.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+trusted, "SSL_CERT_FILE="+trusted)
	output, err := command.CombinedOutput()
	return strings.Split(strings.TrimSpace(string(output)), "\n"), err
}

// chatByGo is what openai-go gets.
func (c Client) chatByGo(t testing.TB, count int) (answers []string, err error) {
	t.Helper()
	key := option.WithAPIKey(c.Key)
	if c.Key == "" {
		key = option.WithHeaderDel("Authorization")
	}
	client := openai.NewClient(option.WithBaseURL(c.URL), key, option.WithMaxRetries(0), option.WithHTTPClient(HTTPClient()))
	request := openai.ChatCompletionNewParams{
		Model:    c.model(),
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Say hello")},
	}
	defer func() {
		var refusal *openai.Error
		if errors.As(err, &refusal) {
			answers = append(answers, fmt.Sprint(refusal.StatusCode, " ", refusal.Code))
		}
	}()
	for range count {
		whole, err := client.Chat.Completions.New(t.Context(), request)
		if err != nil {
			return answers, err
		}
		answers = append(answers, whole.Choices[0].Message.Content)

		var streamed strings.Builder
		stream := client.Chat.Completions.NewStreaming(t.Context(), request)
		for stream.Next() {
			for _, choice := range stream.Current().Choices {
				streamed.WriteString(choice.Delta.Content)
			}
		}
		if err := stream.Err(); err != nil {
			return answers, err
		}
		answers = append(answers, streamed.String())
	}
	return answers, nil
}

// HTTPClient trusts the plane's authority. It opens a connection for each request, and follows no redirect.
func HTTPClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: harness.CA.Pool()}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
