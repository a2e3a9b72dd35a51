package plugin

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// statusClientGone is what Traefik answers, for its log alone, when a client has left.
const statusClientGone = 499

// refusal is what the gateway answers in place of a server. Kind and code are OpenAI's words.
type refusal struct {
	status              int
	kind, code, message string
}

// dotted refuses a path that has a dot segment.
var dotted = refusal{
	http.StatusBadRequest, "invalid_request_error", "invalid_path",
	"The request's path has a segment . or .., encoded or not, which the gateway does not pass on.",
}

// notFound refuses whoever is not a front of this process.
var notFound = refusal{http.StatusNotFound, "invalid_request_error", "not_found", "There is nothing here."}

// unsendable refuses what Go does not send on.
var unsendable = refusal{http.StatusBadRequest, "invalid_request_error", "invalid_method", "The request's method is not one that HTTP has."}

// looped refuses a request that a front has sent to a front.
var looped = refusal{http.StatusLoopDetected, "server_error", "loop_detected", "A route leads from one service to another without end."}

// uncountedSocket refuses a WebSocket where tokens are limited.
var uncountedSocket = refusal{
	http.StatusForbidden, "invalid_request_error", "websocket_not_allowed", "The gateway limits tokens here, which it cannot count on WebSockets, so it opens none.",
}

// elsewhere refuses a client by its address.
var elsewhere = refusal{
	http.StatusForbidden, "invalid_request_error", "address_not_allowed", "The gateway does not take requests from this client's address.",
}

// These refuse every request through a Middleware that is not usable. They name no Secret, because clients need not know how the gateway
// is set up.
var (
	keyUnusable = refusal{
		http.StatusInternalServerError, "server_error", "gateway_key_unusable",
		"The gateway has no usable API key for this model server. Its log says more.",
	}
	misconfigured = refusal{
		http.StatusInternalServerError, "server_error", "gateway_misconfigured",
		"The gateway cannot serve this request as it is set up. Its log says more.",
	}
)

// refuseBody answers a request whose body could not be read. What is left of it cannot be told from the next request,
// so the connection ends.
func refuseBody(w http.ResponseWriter, r *http.Request, err error) {
	w.Header().Set("Connection", "close")
	var tooLarge *http.MaxBytesError
	switch {
	case errors.Is(err, errFull):
		w.Header().Set("Retry-After", "1")
		refuse(w, r, refusal{
			http.StatusServiceUnavailable, "server_error", "gateway_busy", "The gateway holds as many requests as its memory takes. Try again in 1 s.",
		})
	case errors.As(err, &tooLarge):
		refuse(w, r, refusal{
			http.StatusRequestEntityTooLarge, "invalid_request_error", "request_too_large",
			"The request's body is larger than the " + strconv.FormatInt(tooLarge.Limit, 10) + " bytes that the gateway takes.",
		})
	default:
		refuse(w, r, refusal{statusOf(err), "invalid_request_error", "unreadable_body", "The request's body could not be read to its end."})
	}
}

// refuseForNow answers a request that comes too early.
func refuseForNow(a *answer, w http.ResponseWriter, r *http.Request, left allowed) {
	a.isLimited = true
	tellAllowances(w.Header(), a.allowances)
	seconds := strconv.Itoa(int(math.Ceil(left.wait.Seconds())))
	w.Header().Set("Retry-After", seconds)
	limit := "The gateway's limit"
	if left.isTokens {
		limit = "The gateway's limit of tokens"
	}
	refuse(w, r, refusal{
		http.StatusTooManyRequests, "rate_limit_error", "rate_limit_exceeded", limit + " for this client is reached. Try again in " + seconds + " s.",
	})
}

// refuse answers in the form in which the client that sent the request looks for an error.
func refuse(w http.ResponseWriter, r *http.Request, why refusal) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(why.status)
	_, _ = w.Write([]byte(inFormOf(r, why) + "\n"))
}

// inFormOf is the refusal in the words of the API that the request is for. Messages are the gateway's own, in characters that JSON takes as
// they are.
func inFormOf(r *http.Request, why refusal) string {
	switch {
	case isAnthropic(r):
		return `{"type":"error","error":{"type":"` + anthropicType(why.status) + `","message":"` + why.message + `","code":"` + why.code + `"}}`
	case isGoogle(r):
		return `{"error":{"code":` + strconv.Itoa(why.status) + `,"message":"` + why.message + `","status":"` + googleStatus(why.status) +
			`","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"` + strings.ToUpper(why.code) + `","domain":"modelplane"}]}}`
	default:
		return `{"error":{"message":"` + why.message + `","type":"` + why.kind + `","param":null,"code":"` + why.code + `"}}`
	}
}

// isAnthropic says whether the request is for Anthropic's API (https://docs.anthropic.com/en/api/versioning).
func isAnthropic(r *http.Request) bool {
	return r.Header.Get("Anthropic-Version") != "" || strings.HasSuffix(r.URL.Path, "/messages") || strings.HasSuffix(r.URL.Path, "/messages/count_tokens")
}

// isGoogle says whether the request is for Gemini's own API, whose methods come after a colon.
func isGoogle(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, ":generateContent") || strings.HasSuffix(r.URL.Path, ":streamGenerateContent")
}

// anthropicType is Anthropic's word for a status (https://docs.anthropic.com/en/api/errors).
func anthropicType(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "authentication_error"
	case http.StatusForbidden:
		return "permission_error"
	case http.StatusNotFound:
		return "not_found_error"
	case http.StatusRequestEntityTooLarge:
		return "request_too_large"
	case http.StatusTooManyRequests:
		return "rate_limit_error"
	case http.StatusGatewayTimeout:
		return "timeout_error"
	}
	if status < http.StatusInternalServerError {
		return "invalid_request_error"
	}
	return "api_error"
}

// googleStatus is Google's word for a status (https://google.aip.dev/193).
func googleStatus(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "UNAUTHENTICATED"
	case http.StatusForbidden:
		return "PERMISSION_DENIED"
	case http.StatusNotFound:
		return "NOT_FOUND"
	case http.StatusTooManyRequests:
		return "RESOURCE_EXHAUSTED"
	case statusClientGone:
		return "CANCELLED"
	case http.StatusServiceUnavailable:
		return "UNAVAILABLE"
	case http.StatusGatewayTimeout:
		return "DEADLINE_EXCEEDED"
	}
	if status < http.StatusInternalServerError {
		return "INVALID_ARGUMENT"
	}
	return "INTERNAL"
}
