package exampletest

import (
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/stretchr/testify/require"
)

var (
	//go:embed clients/chat.mjs
	nodeClient []byte
	//go:embed clients/chat.py
	pythonClient []byte
)

// Chats has the OpenAI client of a language (typescript, python, or else Go) send count chat requests whole and as many as
// streams to url, all of which must be answered. It gives how often each answer came.
func Chats(t testing.TB, language, url string, count int) map[string]int {
	t.Helper()
	var answers []string
	switch language {
	case "typescript":
		answers = chatBy(t, "node", "chat.mjs", nodeClient, url, count)
	case "python":
		answers = chatBy(t, filepath.Join(installed(t), "venv", "bin", "python"), "chat.py", pythonClient, url, count)
	default:
		answers = chat(t, url, count)
	}
	require.Len(t, answers, 2*count)
	counted := map[string]int{}
	for _, answer := range answers {
		require.NotEmpty(t, answer)
		counted[answer]++
	}
	return counted
}

// chatBy is what a client of another language gets.
func chatBy(t testing.TB, interpreter, name string, program []byte, url string, count int) []string {
	t.Helper()
	// Node looks for packages beside the program.
	path := filepath.Join(fresh(t), name)
	require.NoError(t, os.WriteFile(path, program, 0o600))
	output, err := exec.CommandContext(t.Context(), interpreter, path, url, strconv.Itoa(count)).CombinedOutput()
	require.NoError(t, err, string(output))
	return strings.Split(strings.TrimSpace(string(output)), "\n")
}

// chat is what openai-go gets.
func chat(t testing.TB, url string, count int) []string {
	t.Helper()
	client := openai.NewClient(option.WithBaseURL(url), option.WithAPIKey("the-client-s-own"), option.WithMaxRetries(0))
	request := openai.ChatCompletionNewParams{
		Model:    "test-model",
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Say hello")},
	}
	var answers []string
	for range count {
		whole, err := client.Chat.Completions.New(t.Context(), request)
		require.NoError(t, err)
		answers = append(answers, whole.Choices[0].Message.Content)

		var streamed strings.Builder
		stream := client.Chat.Completions.NewStreaming(t.Context(), request)
		for stream.Next() {
			for _, choice := range stream.Current().Choices {
				streamed.WriteString(choice.Delta.Content)
			}
		}
		require.NoError(t, stream.Err())
		answers = append(answers, streamed.String())
	}
	return answers
}
