package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Config says what is sent, how often and for how long. Only URL is needed. A number that is zero or less means the default,
// one above its ceiling means the ceiling.
type Config struct {
	// URL is a base URL as OpenAI clients take it; chat completions go to URL + "/chat/completions". With a Method it is the
	// whole URL instead.
	URL string
	// Method is sent to URL as it is. Default: POST of a chat completion.
	Method string
	// Body of each request. Default: a short chat completion request; with a Method, none.
	Body string
	// Header is added to each request. Its Host becomes the request's host.
	Header http.Header
	// Accept is nil for an answer that is well. It may be called from several goroutines. Default: status 200 and JSON.
	Accept func(response *http.Response, body []byte) error

	// Workers send at the same time: 1 to 256. Default: 4.
	Workers int
	// RatePerSecond is the most requests a second, all workers together: 1 to 5,000. Default: 100.
	RatePerSecond int
	// MaxRequests ends the run: 1 to 1,000,000. Default: 20,000.
	MaxRequests int
	// MaxDuration ends the run: up to an hour. Default: five minutes.
	MaxDuration time.Duration
	// Timeout of one request, its body included: up to ten minutes. Default: ten seconds.
	Timeout time.Duration
	// Connections says whether they are kept between requests. Default: Mixed.
	Connections Connections
	// Transport is cloned for the run, for a dialer or trusted roots of one's own. Default: no proxy, system roots.
	Transport *http.Transport
}

// Connections says whether requests reuse connections.
type Connections int

const (
	// Mixed sends every second request on a connection of its own, and the others on kept ones.
	Mixed Connections = iota
	// Kept reuses connections wherever that is possible.
	Kept
	// Fresh opens a connection for each request and closes it after.
	Fresh
)

const chatCompletion = `{"model":"load","messages":[{"role":"user","content":"Hello"}]}`

func withDefaults(config Config) Config {
	if config.Method == "" {
		config.Method = http.MethodPost
		config.URL += "/chat/completions"
		if config.Body == "" {
			config.Body = chatCompletion
		}
	}
	if config.Accept == nil {
		config.Accept = acceptJSON
	}
	if config.Transport == nil {
		config.Transport = &http.Transport{}
	}
	config.Workers = bounded(config.Workers, 4, 256)
	config.RatePerSecond = bounded(config.RatePerSecond, 100, 5_000)
	config.MaxRequests = bounded(config.MaxRequests, 20_000, 1_000_000)
	config.MaxDuration = bounded(config.MaxDuration, 5*time.Minute, time.Hour)
	config.Timeout = bounded(config.Timeout, 10*time.Second, 10*time.Minute)
	return config
}

// bounded is value, or fallback where it is not set, and at most ceiling.
func bounded[N int | time.Duration](value, fallback, ceiling N) N {
	if value <= 0 {
		return fallback
	}
	return min(value, ceiling)
}

func acceptJSON(response *http.Response, body []byte) error {
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s, not 200", response.Status)
	}
	if !json.Valid(body) {
		return errors.New("the body is not JSON")
	}
	return nil
}
