package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
)

// Catches a flag that the environment overrules, a key that is read as one with a comma in it, and a fault in a variable
// that does not say which one.
func TestFlagsOverruleTheEnvironment(t *testing.T) {
	environment := map[string]string{"MODELSERVER_KEYS": "one,two", "MODELSERVER_PORT": "9000", "MODELSERVER_TOKEN_DELAY": "20ms"}
	s, err := read([]string{"--port=9001", "--model", "org/model"}, func(name string) string { return environment[name] })
	require.NoError(t, err)
	assert.Equal(t, ":9001", s.Address)
	assert.Equal(t, []string{"one", "two"}, s.Keys)
	assert.Equal(t, 20*time.Millisecond, s.TokenDelay)
	assert.Equal(t, "org/model", s.Model)
	assert.Equal(t, "/v1", s.BasePath)

	s, err = read(nil, func(string) string { return "" })
	require.NoError(t, err)
	assert.Empty(t, s.Keys)
	_, err = read(nil, func(name string) string { return map[string]string{"MODELSERVER_LOAD": "soon"}[name] })
	assert.ErrorContains(t, err, "MODELSERVER_LOAD")
}

// Catches a control that does nothing, and requests that a test cannot read.
func TestTestsControlTheServerFromOutside(t *testing.T) {
	server, err := modelserver.Start(modelserver.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	control := httptest.NewServer(controls(server))
	t.Cleanup(control.Close)

	status := func(method, url string) int {
		request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
		require.NoError(t, err)
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer.StatusCode
	}
	assert.Equal(t, http.StatusOK, status(http.MethodPost, control.URL+"/failure?status=503"))
	assert.Equal(t, http.StatusServiceUnavailable, status(http.MethodGet, server.URL()+"/health"))
	assert.Equal(t, http.StatusOK, status(http.MethodPost, control.URL+"/failure?status=0"))
	assert.Equal(t, http.StatusOK, status(http.MethodPost, control.URL+"/delay?duration=50ms"))
	began := time.Now()
	assert.Equal(t, http.StatusOK, status(http.MethodGet, server.URL()+"/health"))
	assert.GreaterOrEqual(t, time.Since(began), 50*time.Millisecond)
	assert.Equal(t, http.StatusBadRequest, status(http.MethodPost, control.URL+"/delay?duration=soon"))

	answer, err := http.Get(control.URL + "/requests")
	require.NoError(t, err)
	defer answer.Body.Close()
	var requests []modelserver.Request
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&requests))
	require.Len(t, requests, 2)
	assert.Equal(t, "/health", requests[1].URI)
}

// Catches a leader that serves alone, a worker that takes another's rank, and a process that outlives its group.
func TestProcessesOfAGroupComeTogether(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	type met struct {
		ranks []int
		lost  <-chan error
		err   error
	}
	leader := make(chan met, 1)
	go func() {
		ranks, lost, err := group{nodes: 3, rank: 0, leader: address}.meet()
		leader <- met{ranks, lost, err}
	}()
	_, _, err = group{nodes: 3, rank: 2, leader: address}.meet()
	require.NoError(t, err)
	_, second, err := group{nodes: 3, rank: 2, leader: address}.meet()
	require.NoError(t, err)
	assert.ErrorContains(t, <-second, "rank 0 is gone", "the leader sends away who has a rank that another one has")
	select {
	case <-leader:
		t.Fatal("the leader has not waited for rank 1")
	default:
	}
	connection, err := net.Dial("tcp", address)
	require.NoError(t, err)
	fmt.Fprintln(connection, 1)
	got := <-leader
	require.NoError(t, got.err)
	assert.Equal(t, "0 1 2", texts(got.ranks))
	require.NoError(t, connection.Close())
	assert.ErrorContains(t, <-got.lost, "rank 1 is gone")

	_, _, err = group{nodes: 2, rank: 2, leader: address}.meet()
	assert.ErrorContains(t, err, "rank 2 of 2")
}

// Catches an engine's image that ends with "flag provided but not defined", and a model that is served under another name.
func TestAnEnginesCommandLineIsUnderstood(t *testing.T) {
	for line, want := range map[string]string{
		"modelserver --model=m --name n":                                                                           "--model=m --name n",
		"/usr/local/bin/vllm serve org/m --port 8000 --tensor-parallel-size=2":                                     "--model=org/m --port=8000",
		"vllm serve --model org/m --served-model-name m --enforce-eager --api-key k":                               "--model=org/m --keys=k --model=m",
		"vllm serve --served-model-name=m org/m":                                                                   "--model=m",
		"python3 -m vllm.entrypoints.openai.api_server --model org/m --trust-remote-code --port=9000":              "--model=org/m --port=9000",
		"python3 -m sglang.launch_server --model-path org/m --host 0.0.0.0 --port 30000 --tp 2":                    "--model=org/m --port=30000",
		"vllm serve org/m --nnodes 2 --node-rank 1 --master-addr m-0.m.default --headless --seed 1":                "--model=org/m --nodes=2 --rank=1 --leader=m-0.m.default",
		"python3 -m sglang.launch_server --model-path org/m --dist-init-addr m-0:20000 --nnodes 2 --node-rank 0":   "--model=org/m --leader=m-0:20000 --nodes=2 --rank=0",
		"python3 -m sglang.launch_server --model-path org/m --trust-remote-code --served-model-name m --port 3000": "--model=org/m --port=3000 --model=m",
	} {
		assert.Equal(t, want, strings.Join(arguments(strings.Fields(line)), " "), line)
	}
}
