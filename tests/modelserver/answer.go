package modelserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// model is the object of https://platform.openai.com/docs/api-reference/models/object.
type model struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

type modelList struct {
	Object string  `json:"object"`
	Data   []model `json:"data"`
}

func (s *Server) model() model {
	return model{ID: s.options.Model, Object: "model", Created: time.Now().Unix(), OwnedBy: s.options.Name}
}

// retrieveModel takes the rest of the path as the model's name: names such as org/model arrive with / or %2F.
func (s *Server) retrieveModel(w http.ResponseWriter, escaped string) {
	id, err := url.PathUnescape(escaped)
	if err != nil || id != s.options.Model {
		writeError(w, http.StatusNotFound, "invalid_request_error", "model_not_found",
			fmt.Sprintf("The model %q does not exist; this server has %q.", escaped, s.options.Model))
		return
	}
	writeJSON(w, http.StatusOK, s.model())
}

// apiError is the body of https://platform.openai.com/docs/guides/error-codes. It never quotes a request header, where
// keys are.
type apiError struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

func notFound(w http.ResponseWriter, r *http.Request) {
	writeError(w, http.StatusNotFound, "invalid_request_error", "unknown_url",
		fmt.Sprintf("Unknown request URL: %s %s.", r.Method, r.URL.EscapedPath()))
}

func writeError(w http.ResponseWriter, status int, kind, code, message string) {
	body := apiError{Message: message, Type: kind}
	if code != "" {
		body.Code = new(code)
	}
	writeJSON(w, status, map[string]apiError{"error": body})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) //nolint:errcheck // the client has gone, and nobody is left to tell
}
