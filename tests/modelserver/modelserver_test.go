package modelserver_test

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

const chatBody = `{"model":"any","messages":[{"role":"user","content":"How are you?"}]}`

// Catches a server that forgets its base path, doubles it, or answers in a shape that OpenAI clients do not read.
func TestEachBasePathServesChatAndModels(t *testing.T) {
	for _, basePath := range []string{"", "/", "/v1", "/openai/v1", "/v1beta/openai"} {
		t.Run("base path "+basePath, func(t *testing.T) {
			server := start(t, modelserver.Options{BasePath: basePath, Reply: "one two three", Model: "org/small"})

			response, body := do(t, http.DefaultClient, post(t, server.URL()+"/chat/completions", chatBody))
			require.Equal(t, http.StatusOK, response.StatusCode, body)
			var answer struct {
				ID, Object, Model string
				Created           int64
				Choices           []struct {
					Message      struct{ Role, Content string }
					FinishReason string `json:"finish_reason"`
				}
				Usage struct {
					Prompt     int `json:"prompt_tokens"`
					Completion int `json:"completion_tokens"`
					Total      int `json:"total_tokens"`
				}
			}
			require.NoError(t, json.Unmarshal([]byte(body), &answer))
			assert.NotEmpty(t, answer.ID)
			assert.Equal(t, "chat.completion", answer.Object)
			assert.Equal(t, "any", answer.Model)
			assert.InDelta(t, time.Now().Unix(), answer.Created, 60)
			require.Len(t, answer.Choices, 1)
			assert.Equal(t, "assistant", answer.Choices[0].Message.Role)
			assert.Equal(t, "one two three", answer.Choices[0].Message.Content)
			assert.Equal(t, "stop", answer.Choices[0].FinishReason)
			assert.Equal(t, []int{3, 3, 6}, []int{answer.Usage.Prompt, answer.Usage.Completion, answer.Usage.Total})

			_, body = do(t, http.DefaultClient, get(t, server.URL()+"/models"))
			assert.Contains(t, body, `"object":"list","data":[{"id":"org/small"`)
			response, _ = do(t, http.DefaultClient, get(t, server.URL()+"/models/org%2Fsmall"))
			assert.Equal(t, http.StatusOK, response.StatusCode)
			response, _ = do(t, http.DefaultClient, get(t, "http://"+server.Address()+"/health"))
			assert.Equal(t, http.StatusOK, response.StatusCode)
			response, _ = do(t, http.DefaultClient, get(t, "http://"+server.Address()+"/elsewhere/models"))
			assert.Equal(t, http.StatusNotFound, response.StatusCode)
		})
	}
}

// Catches a server that gathers the answer and sends it at the end: when the client holds the first token, others must
// still be unsent.
func TestStreamingArrivesTokenByToken(t *testing.T) {
	server := start(t, modelserver.Options{Reply: "a b c d e", TokenDelay: 100 * time.Millisecond})
	response, err := http.DefaultClient.Do(post(t, server.URL()+"/chat/completions",
		`{"model":"any","messages":[{"content":"Hi"}],"stream":true,"stream_options":{"include_usage":true}}`))
	require.NoError(t, err)
	defer response.Body.Close()
	assert.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))

	var text, last, usage string
	sentAtFirstToken := int64(0)
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		last = data
		var chunk struct {
			Object  string
			Choices []struct{ Delta struct{ Content string } }
			Usage   json.RawMessage
		}
		if data == "[DONE]" {
			continue
		}
		require.NoError(t, json.Unmarshal([]byte(data), &chunk), data)
		assert.Equal(t, "chat.completion.chunk", chunk.Object)
		usage = string(chunk.Usage)
		for _, choice := range chunk.Choices {
			text += choice.Delta.Content
		}
		if text != "" && sentAtFirstToken == 0 {
			sentAtFirstToken = server.Tokens()
		}
	}
	assert.Equal(t, "a b c d e", text)
	assert.Equal(t, "[DONE]", last)
	assert.JSONEq(t, `{"prompt_tokens":1,"completion_tokens":5,"total_tokens":6}`, usage)
	assert.Less(t, sentAtFirstToken, int64(5), "the first token came only after all had been sent")
	assert.Equal(t, int64(5), server.Tokens())
}

// Catches a key that is not asked for, that is taken from the wrong header, or that is in the error.
func TestWrongKeyIsRefusedAndNeverEchoed(t *testing.T) {
	cases := map[string]struct {
		keyHeader, header, value string
		want                     int
	}{
		"right bearer":        {"", "Authorization", "Bearer sk-right", http.StatusOK},
		"wrong bearer":        {"", "Authorization", "Bearer sk-wrong", http.StatusUnauthorized},
		"bare key":            {"", "Authorization", "sk-right", http.StatusUnauthorized},
		"none":                {"", "X-Other", "", http.StatusUnauthorized},
		"own header":          {"api-key", "Api-Key", "sk-right", http.StatusOK},
		"own header, wrong":   {"api-key", "Api-Key", "sk-wrong", http.StatusUnauthorized},
		"bearer, not the own": {"api-key", "Authorization", "Bearer sk-right", http.StatusUnauthorized},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			server := start(t, modelserver.Options{Keys: []string{"sk-right"}, KeyHeader: c.keyHeader})
			request := post(t, server.URL()+"/chat/completions", chatBody)
			request.Header.Set(c.header, c.value)
			response, body := do(t, http.DefaultClient, request)
			assert.Equal(t, c.want, response.StatusCode)
			assert.NotContains(t, body, "sk-")
			assert.NotContains(t, headers(response), "sk-")
			if c.want == http.StatusUnauthorized {
				assert.Contains(t, body, `"code":"invalid_api_key"`)
			}
		})
	}
}

// Catches keys that are read once at the start, which would make a rotation untestable.
func TestKeysCanBeReplacedWhileServing(t *testing.T) {
	server := start(t, modelserver.Options{Keys: []string{"old"}})
	statusWith := func(key string) int {
		request := get(t, server.URL()+"/models")
		request.Header.Set("Authorization", "Bearer "+key)
		response, _ := do(t, http.DefaultClient, request)
		return response.StatusCode
	}
	assert.Equal(t, http.StatusOK, statusWith("old"))
	server.SetKeys("new")
	assert.Equal(t, http.StatusUnauthorized, statusWith("old"))
	assert.Equal(t, http.StatusOK, statusWith("new"))
}

// Catches a report of the cleaned or unescaped path instead of the one that arrived, also where the answer is a 404.
func TestWhatWasSentIsReportedAndRecorded(t *testing.T) {
	server := start(t, modelserver.Options{Name: "alpha", BasePath: "/v1"})
	for _, uri := range []string{
		"/v1/models/org%2Fname?limit=2&q=%20", "/v1//models", "/v1%2Fmodels", "/v1/../models", "/other", "/v1", "/v1/" + strings.Repeat("x", 4000),
	} {
		request := get(t, "http://"+server.Address()+uri)
		request.Host = "api.example.com"
		request.Header.Set("X-Custom", "kept")
		response, _ := do(t, http.DefaultClient, request)
		assert.Equal(t, http.StatusNotFound, response.StatusCode, uri)
		assert.Equal(t, "alpha", response.Header.Get(modelserver.HeaderName))
		assert.Equal(t, uri, response.Header.Get(modelserver.HeaderPath))
		assert.Equal(t, "api.example.com", response.Header.Get(modelserver.HeaderHost))
		assert.Equal(t, "HTTP/1.1", response.Header.Get(modelserver.HeaderProto))

		requests := server.Requests()
		last := requests[len(requests)-1]
		assert.Equal(t, uri, last.URI)
		assert.Equal(t, "api.example.com", last.Host)
		assert.Equal(t, "kept", last.Header.Get("X-Custom"))
		assert.Equal(t, http.MethodGet, last.Method)
	}
	assert.Equal(t, 7, server.Count())
}

// Catches a memory that grows without bound, loses count, or hands back the wrong end.
func TestOnlyTheLastRequestsAreKept(t *testing.T) {
	server := start(t, modelserver.Options{})
	const sent = 1024 + 10
	for range sent - 2 {
		do(t, http.DefaultClient, get(t, server.URL()+"/health"))
	}
	do(t, http.DefaultClient, get(t, server.URL()+"/last-but-one"))
	do(t, http.DefaultClient, get(t, server.URL()+"/last"))

	requests := server.Requests()
	assert.Equal(t, sent, server.Count())
	require.Len(t, requests, 1024)
	assert.Equal(t, "/last-but-one", requests[1022].URI)
	assert.Equal(t, "/last", requests[1023].URI)
	assert.False(t, requests[0].Time.After(requests[1022].Time))
}

// Catches errors on demand that stick, or that do not reach the client as asked.
func TestErrorsComeOnDemand(t *testing.T) {
	server := start(t, modelserver.Options{})
	status := func(header string) int {
		request := post(t, server.URL()+"/chat/completions", chatBody)
		request.Header.Set(modelserver.HeaderStatus, header)
		response, body := do(t, http.DefaultClient, request)
		if response.StatusCode != http.StatusOK {
			assert.Contains(t, body, `"error":{"message":`)
		}
		return response.StatusCode
	}
	assert.Equal(t, http.StatusServiceUnavailable, status("503"))
	assert.Equal(t, http.StatusOK, status(""))
	assert.Equal(t, http.StatusOK, status("200"), "only errors can be asked for")
	server.SetFailure(http.StatusTooManyRequests)
	assert.Equal(t, http.StatusTooManyRequests, status(""))
	server.SetFailure(0)
	assert.Equal(t, http.StatusOK, status(""))

	response, body := do(t, http.DefaultClient, post(t, server.URL()+"/chat/completions", `{"model":"any"}`))
	assert.Equal(t, http.StatusBadRequest, response.StatusCode, body)
	response, body = do(t, http.DefaultClient, post(t, server.URL()+"/chat/completions", `not JSON`))
	assert.Equal(t, http.StatusBadRequest, response.StatusCode, body)
}

// Catches a delay that is not waited for.
func TestDelayIsWaitedFor(t *testing.T) {
	server := start(t, modelserver.Options{})
	server.SetDelay(80 * time.Millisecond)
	begun := time.Now()
	do(t, http.DefaultClient, get(t, server.URL()+"/health"))
	assert.GreaterOrEqual(t, time.Since(begun), 80*time.Millisecond)
}

// Catches an h2c server that speaks only HTTP/1.1, and an h2c-only one that takes HTTP/1.1 all the same.
func TestCleartextHTTP2(t *testing.T) {
	cases := map[string]struct {
		protocol      modelserver.Protocol
		http1, http2c bool
	}{
		"http":     {modelserver.HTTP, true, false},
		"h2c":      {modelserver.H2C, true, true},
		"h2c only": {modelserver.H2COnly, false, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			server := start(t, modelserver.Options{Protocol: c.protocol})
			for proto, works := range map[string]bool{"HTTP/1.1": c.http1, "HTTP/2.0": c.http2c} {
				transport := &http.Transport{Protocols: new(http.Protocols)}
				transport.Protocols.SetHTTP1(proto == "HTTP/1.1")
				transport.Protocols.SetUnencryptedHTTP2(proto == "HTTP/2.0")
				defer transport.CloseIdleConnections()
				response, err := transport.RoundTrip(post(t, server.URL()+"/chat/completions", chatBody))
				if err == nil {
					response.Body.Close()
				}
				assert.Equal(t, works, err == nil && response.StatusCode == http.StatusOK, "%s: %v", proto, err)
				if works {
					assert.Equal(t, proto, response.Header.Get(modelserver.HeaderProto))
				}
			}
		})
	}
	_, err := modelserver.Start(modelserver.Options{Protocol: modelserver.H2C, Certificate: &tls.Certificate{}})
	assert.ErrorContains(t, err, "h2c is HTTP/2 without TLS")
}

// Catches a certificate for other names, one that a client without the CA would accept, and a lost SNI.
func TestTLSVerifiesAgainstTheCAAndReportsSNI(t *testing.T) {
	ca, err := modelserver.NewCA()
	require.NoError(t, err)
	certificate, err := ca.Issue([]string{"api.example.com"}, []net.IP{net.ParseIP("127.0.0.1")})
	require.NoError(t, err)
	server := start(t, modelserver.Options{Certificate: certificate, BasePath: "/v1"})
	assert.True(t, strings.HasPrefix(server.URL(), "https://127.0.0.1:"), server.URL())

	roundTrip := func(config *tls.Config) (*http.Response, error) {
		transport := &http.Transport{TLSClientConfig: config}
		defer transport.CloseIdleConnections()
		response, err := transport.RoundTrip(get(t, server.URL()+"/models"))
		if err == nil {
			response.Body.Close()
		}
		return response, err
	}
	response, err := roundTrip(&tls.Config{RootCAs: ca.Pool(), ServerName: "api.example.com"})
	require.NoError(t, err)
	assert.Equal(t, "api.example.com", response.Header.Get(modelserver.HeaderSNI))
	assert.Equal(t, "api.example.com", server.Requests()[0].SNI)

	response, err = roundTrip(&tls.Config{RootCAs: ca.Pool()})
	require.NoError(t, err, "the IP address is in the certificate")
	assert.Empty(t, response.Header.Get(modelserver.HeaderSNI), "an IP address is never sent as SNI")

	_, err = roundTrip(&tls.Config{RootCAs: ca.Pool(), ServerName: "other.example.com"})
	assert.ErrorContains(t, err, "not other.example.com")
	_, err = roundTrip(&tls.Config{ServerName: "api.example.com"})
	assert.ErrorContains(t, err, "unknown authority")
}

// Catches a Close that cuts an answer short, which would look like a fault of whatever is in front.
func TestCloseLetsAStreamFinish(t *testing.T) {
	server := start(t, modelserver.Options{Reply: "a b c", TokenDelay: 50 * time.Millisecond})
	response, err := http.DefaultClient.Do(post(t, server.URL()+"/chat/completions",
		`{"model":"any","messages":[{"content":"Hi"}],"stream":true}`))
	require.NoError(t, err)
	defer response.Body.Close()
	require.NoError(t, server.Close())
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.True(t, strings.HasSuffix(string(body), "data: [DONE]\n\n"), string(body))

	_, err = net.DialTimeout("tcp", server.Address(), time.Second)
	assert.ErrorContains(t, err, "refused")
}

// Catches an IPv6 address that is not understood, and a Listen that is not used.
func TestListensWhereItIsTold(t *testing.T) {
	listened := ""
	server := start(t, modelserver.Options{
		Address: "[::1]:0",
		Listen: func(network, address string) (net.Listener, error) {
			listened = address
			return net.Listen(network, address)
		},
	})
	response, _ := do(t, http.DefaultClient, get(t, server.URL()+"/health"))
	assert.Equal(t, http.StatusOK, response.StatusCode)
	assert.Equal(t, "[::1]:0", listened)
	_, err := modelserver.Start(modelserver.Options{Address: server.Address()})
	assert.ErrorContains(t, err, "modelserver: listen on [::1]:")
}

func start(t *testing.T, options modelserver.Options) *modelserver.Server {
	t.Helper()
	server, err := modelserver.Start(options)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	return server
}

func post(t *testing.T, url, body string) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	return request
}

func get(t *testing.T, url string) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	return request
}

func do(t *testing.T, client *http.Client, request *http.Request) (*http.Response, string) {
	t.Helper()
	response, err := client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(body)
}

func headers(response *http.Response) string {
	var text strings.Builder
	_ = response.Header.Write(&text)
	return text.String()
}
