package plugin

import "net/http"

// statusClientGone is what Traefik answers, for its log alone, when a client has left.
const statusClientGone = 499

// refusePath answers a request whose path has a dot segment.
func refusePath(w http.ResponseWriter) {
	refuse(w, http.StatusBadRequest, "invalid_request_error", "invalid_path",
		"The request's path has a segment . or .., encoded or not, which the gateway does not pass on.")
}

// refuseBody answers a request whose body could not be read. What is left of it cannot be told from the next request,
// so the connection ends.
func refuseBody(w http.ResponseWriter, err error) {
	w.Header().Set("Connection", "close")
	refuse(w, statusOf(err), "invalid_request_error", "unreadable_body", "The request's body could not be read to its end.")
}

// refuseAll answers every request through a Middleware that is not usable. It names no Secret, because clients need
// not know how the gateway is set up.
func refuseAll(w http.ResponseWriter, _ *http.Request) {
	refuse(w, http.StatusInternalServerError, "server_error", "gateway_key_unusable",
		"The gateway has no usable API key for this model server. Its log says more.")
}

// refuse answers in the form in which OpenAI's clients look for an error.
func refuse(w http.ResponseWriter, status int, kind, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`{"error":{"message":"` + message + `","type":"` + kind + `","param":null,"code":"` + code + `"}}` + "\n"))
}
