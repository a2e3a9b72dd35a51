package plugin

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxModel is the length of a model's name, in bytes.
const MaxModel = 256

// ModelHeader names, on an answer, the model as the server that gave it calls it. The service's route sets it.
const ModelHeader = "X-Modelplane-Model"

// namedModel is what a body says of the model: its name, and where the value is in the body, quotation marks included.
type namedModel struct {
	name     string
	from, to int
}

// These refuse bodies of which two servers could read two models, or none.
var (
	invalidJSON = refusal{
		http.StatusBadRequest, "invalid_request_error", "invalid_json",
		"The request's body is not one whole JSON object, so the gateway cannot read which model it is for.",
	}
	ambiguousModel = refusal{
		http.StatusBadRequest, "invalid_request_error", "ambiguous_model",
		"The request's body names its model more than once, or in another spelling. Write model once, in lower case and without escapes.",
	}
	invalidModel = refusal{
		http.StatusBadRequest, "invalid_request_error", "invalid_model", "The model in the request's body is not a name: a string of 1 to 256 bytes of UTF-8.",
	}
	compressedBody = refusal{
		http.StatusUnsupportedMediaType, "invalid_request_error", "compressed_body",
		"The request's body is compressed, so the gateway cannot read which model it is for. Send it as it is.",
	}
)

// modelKey is the key by which an object names the model, as it is written.
var modelKey = []byte(`"model"`)

// findModel finds the model that an object names at its top level; nil if it names none. Each step of the interpreter costs more than Go's own functions need
// for a kilobyte. So these look at all bytes first, and only where the key is there more than once does the interpreter go from key to key.
func findModel(body []byte) (*namedModel, *refusal) {
	if !json.Valid(body) {
		return nil, &invalidJSON
	}
	count := bytes.Count(body, modelKey)
	if count > 1 || hasOtherSpelling(body, count) {
		return findAmongKeys(body)
	}
	if count == 0 {
		return nil, nil
	}
	at := bytes.Index(body, modelKey)
	if !isTopKey(body, at) {
		return findAmongKeys(body)
	}
	start := at + len(modelKey)
	start += bytes.IndexByte(body[start:], ':') + 1
	if named := plainName(body, start); named != nil {
		return named, nil
	}
	return readModel(json.NewDecoder(bytes.NewReader(body[start:])), start)
}

// plainName is the model where the value that begins here is an ordinary name, as they nearly always are; nil otherwise.
func plainName(body []byte, start int) *namedModel {
	value := bytes.TrimLeft(body[start:], " \t\r\n")
	if value[0] != '"' {
		return nil
	}
	end := bytes.IndexByte(value[1:], '"') + 1
	name := string(value[1:end])
	if strings.Contains(name, `\`) || !isModelName(value[:end], name) {
		return nil
	}
	from := len(body) - len(value)
	return &namedModel{name: name, from: from, to: from + end + 1}
}

var (
	// escaped begins a letter by its number. Servers take the key for the same with it, and some, such as Go's, in any case.
	escaped = []byte(`\u`)
	// otherCases are the beginnings of the key in all other cases.
	otherCases = [][]byte{[]byte(`"M`), []byte(`"mO`), []byte(`"moD`), []byte(`"modE`), []byte(`"modeL`)}
	// lowerCase writes the letters of the key in lower case.
	lowerCase = strings.NewReplacer("M", "m", "O", "o", "D", "d", "E", "e", "L", "l")
)

// manyBytes are more than it takes as long to write in lower case as to look for otherCases.
const manyBytes = 8 << 10

// hasOtherSpelling says whether a body may have the key in another spelling, beside count times as it is.
func hasOtherSpelling(body []byte, count int) bool {
	if bytes.Contains(body, escaped) {
		return true
	}
	if len(body) > manyBytes && !hasOtherCase(body) {
		return false
	}
	return strings.Count(lowerCase.Replace(string(body)), `"model"`) > count
}

func hasOtherCase(body []byte) bool {
	for _, beginning := range otherCases {
		if bytes.Contains(body, beginning) {
			return true
		}
	}
	return false
}

// isTopKey says whether what is at this place of valid JSON is a key of the object itself. In front of such a key the object can be closed, and with it an
// object can begin. The shorter part says so. Nothing but a string begins with a quotation mark that no backslash escapes.
func isTopKey(body []byte, at int) bool {
	if body[at-1] == '\\' {
		return false
	}
	if at < len(body)/2 {
		return json.Valid(append(body[:at:at], `"":0}`...))
	}
	return json.Valid(append([]byte{'{'}, body[at:]...))
}

// nowhere is no place to decode to.
var nowhere *int

// findAmongKeys is findModel where the key is not the only one of its name. The decoder passes over what the object has for each key.
func findAmongKeys(body []byte) (*namedModel, *refusal) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	_, _ = decoder.Token()
	var found *namedModel
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return nil, &invalidJSON
		}
		if name, _ := key.(string); !strings.EqualFold(name, "model") {
			// Having passed over the value, the decoder says that it has no place to put it.
			var passed *json.InvalidUnmarshalError
			if !errors.As(decoder.Decode(nowhere), &passed) {
				return nil, &invalidJSON
			}
			continue
		}
		if found != nil || !bytes.HasSuffix(body[:decoder.InputOffset()], modelKey) {
			return nil, &ambiguousModel
		}
		read, why := readModel(decoder, 0)
		if why != nil {
			return nil, why
		}
		found = read
	}
	return found, nil
}

// readModel reads the value of the key from a decoder that has begun at this place of the body.
func readModel(decoder *json.Decoder, start int) (*namedModel, *refusal) {
	var value json.RawMessage
	if err := decoder.Decode(&value); err != nil {
		return nil, &invalidJSON
	}
	name := ""
	if value[0] != '"' || json.Unmarshal(value, &name) != nil || !isModelName(value, name) {
		return nil, &invalidModel
	}
	to := start + int(decoder.InputOffset())
	return &namedModel{name: name, from: to - len(value), to: to}, nil
}

// isModelName says whether this string of JSON is a name that all servers read in the same way. For what no text can have, Go's decoder writes U+FFFD.
func isModelName(value []byte, name string) bool {
	return name != "" && len(name) <= MaxModel && utf8.Valid(value) && !strings.ContainsRune(name, utf8.RuneError)
}

// isObject says whether a body is, or could be taken for, a JSON object.
func isObject(body []byte) bool {
	body = bytes.TrimLeft(body, " \t\r\n")
	return len(body) > 0 && body[0] == '{'
}

// unread are the beginnings of the media types, in lower case, of bodies that do not name a model in JSON.
var unread = []string{"multipart/", "application/x-www-form-urlencoded", "application/octet-stream", "application/grpc", "audio/", "image/", "video/"}

// isUnread says whether a body of this media type names no model in JSON.
func isUnread(mediaType string) bool {
	if mediaType == "application/json" {
		return false
	}
	mediaType = strings.ToLower(mediaType)
	for _, beginning := range unread {
		if strings.HasPrefix(mediaType, beginning) {
			return true
		}
	}
	return false
}

// isCompressed says whether the body of r is encoded.
func isCompressed(r *http.Request) bool {
	encodings := r.Header["Content-Encoding"]
	return len(encodings) > 1 || len(encodings) == 1 && encodings[0] != "" && !strings.EqualFold(encodings[0], "identity")
}

// refuseCompressed answers a request whose body is encoded (RFC 9110, section 15.5.16).
func refuseCompressed(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Accept-Encoding", "identity")
	refuse(w, r, compressedBody)
}

// holdWhole holds a body from its beginning to its end.
func holdWhole(r *http.Request) (*heldBody, error) {
	most := mostOfOne()
	h, err := holdOnce(r, most)
	if err != nil {
		return nil, err
	}
	if !h.isWhole {
		letGo(h)
		return nil, &http.MaxBytesError{Limit: most}
	}
	return h, nil
}

// serveRenamed serves a request for the model that the server calls m.model.
func serveRenamed(m *middleware, w http.ResponseWriter, r *http.Request) {
	if r.ContentLength == 0 {
		renameInQuery(r, m.model)
		m.next.ServeHTTP(w, r)
		return
	}
	if isUnread(r.Header.Get("Content-Type")) {
		m.next.ServeHTTP(w, r)
		return
	}
	if isCompressed(r) {
		refuseCompressed(w, r)
		return
	}
	number, _ := r.Context().Value(ofInner).(string)
	body, isLent := lentBody(number)
	if !isLent {
		h, err := holdWhole(r)
		if err != nil {
			refuseBody(w, r, err)
			return
		}
		defer letGo(h)
		body = h.bytes
	}
	if isObject(body) {
		named, why := findModel(body)
		if why != nil {
			refuse(w, r, *why)
			return
		}
		if named != nil {
			replace(r, body, named, m.inJSON)
		}
	}
	m.next.ServeHTTP(w, r)
}

// renameInQuery writes another name into the query of a request that names its model there, such as a WebSocket's.
func renameInQuery(r *http.Request, name string) {
	parameters := parametersOf(r)
	isNamed := false
	for i, parameter := range parameters {
		if nameOf(parameter) == "model" {
			parameters[i] = "model=" + url.QueryEscape(name)
			isNamed = true
		}
	}
	if isNamed {
		setParameters(r, parameters)
	}
}

// replace gives r its body with another value, in JSON, for the model. All else stays as it is, byte for byte.
func replace(r *http.Request, body []byte, named *namedModel, value string) {
	length := len(body) - (named.to - named.from) + len(value)
	r.Body = bodyOf(length, bytes.NewReader(body[:named.from]), strings.NewReader(value), bytes.NewReader(body[named.to:]))
	setLength(r, length)
}

func setLength(r *http.Request, length int) {
	r.ContentLength = int64(length)
	r.Header.Set("Content-Length", strconv.Itoa(length))
}

// quoted is a text as JSON has it.
func quoted(text string) string {
	value, err := json.Marshal(text)
	if err != nil {
		panic(err) // every text has a JSON form
	}
	return string(value)
}

// checkModel finds a name that no server can be asked by.
func checkModel(name string) error {
	if len(name) > MaxModel || !isPrintable(name) {
		return errors.New("model is not a name of up to 256 bytes without control characters; have a ModelEndpoint write it")
	}
	return nil
}
