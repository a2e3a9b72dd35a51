package modelserver

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The headers in which every answer says what the server was sent.
const (
	HeaderName  = "X-Modelserver-Name"
	HeaderPath  = "X-Modelserver-Path"
	HeaderHost  = "X-Modelserver-Host"
	HeaderProto = "X-Modelserver-Proto"
	HeaderSNI   = "X-Modelserver-SNI"
	HeaderRanks = "X-Modelserver-Ranks"
)

// HeaderStatus in a request asks for this status, 400 to 599, and an error as its answer.
const HeaderStatus = "X-Modelserver-Status"

// serve takes every request the same way: note it, report it, wait, fail if told to, then route it.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	request := requestOf(r)
	s.recorder.add(request)
	w.Header().Set(HeaderName, s.options.Name)
	w.Header().Set(HeaderPath, request.URI)
	w.Header().Set(HeaderHost, request.Host)
	w.Header().Set(HeaderProto, request.Proto)
	w.Header().Set(HeaderSNI, request.SNI)
	if s.options.Ranks != "" {
		w.Header().Set(HeaderRanks, s.options.Ranks)
	}

	if !pause(r, time.Duration(s.delay.Load())) {
		return
	}
	if status := s.failureOf(r); status != 0 {
		writeError(w, status, "server_error", "", fmt.Sprintf("This error was asked for: %d %s.", status, http.StatusText(status)))
		return
	}
	s.route(w, r)
}

// pause waits, and is false when the client has gone meanwhile.
func pause(r *http.Request, delay time.Duration) bool {
	if delay <= 0 {
		return true
	}
	select {
	case <-time.After(delay):
		return true
	case <-r.Context().Done():
		return false
	}
}

// failureOf is the status that the request or SetFailure asks for, or 0.
func (s *Server) failureOf(r *http.Request) int {
	if status, err := strconv.Atoi(r.Header.Get(HeaderStatus)); err == nil && status >= 400 && status <= 599 {
		return status
	}
	return int(s.failure.Load())
}

// route works on the escaped path and redirects nothing: what http.ServeMux would clean is reported as it arrived.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	if path == "/health" {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
		return
	}
	below, ok := strings.CutPrefix(path, s.options.BasePath+"/")
	if !ok {
		notFound(w, r)
		return
	}
	if !s.admits(r) {
		writeError(w, http.StatusUnauthorized, "invalid_request_error", "invalid_api_key",
			"Incorrect API key provided, or none: send it in the "+s.keyHeader()+" header.")
		return
	}
	id, isModel := strings.CutPrefix(below, "models/")
	switch {
	case below == "chat/completions" && r.Method == http.MethodPost:
		s.chat(w, r)
	case below == "models" && r.Method == http.MethodGet:
		writeJSON(w, http.StatusOK, modelList{Object: "list", Data: []model{s.model()}})
	case isModel && r.Method == http.MethodGet:
		s.retrieveModel(w, id)
	default:
		notFound(w, r)
	}
}

func (s *Server) keyHeader() string {
	if s.options.KeyHeader == "" {
		return "Authorization"
	}
	return http.CanonicalHeaderKey(s.options.KeyHeader)
}

func (s *Server) admits(r *http.Request) bool {
	keys := *s.keys.Load()
	if len(keys) == 0 {
		return true
	}
	key, ok := r.Header.Get(s.keyHeader()), true
	if s.keyHeader() == "Authorization" {
		key, ok = strings.CutPrefix(key, "Bearer ")
	}
	return ok && slices.Contains(keys, key)
}
