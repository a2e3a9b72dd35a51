package plugin

import (
	"bytes"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"regexp"
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
		"The request's body is not one whole JSON object in UTF-8, so the gateway cannot read which model it is for.",
	}
	ambiguousModel = refusal{
		http.StatusBadRequest, "invalid_request_error", "ambiguous_model",
		"The request names its model more than once, or in another spelling. Write model once, in lower case and without escapes.",
	}
	invalidModel = refusal{
		http.StatusBadRequest, "invalid_request_error", "invalid_model", "The model in the request's body is not a name: a string of 1 to 256 bytes of UTF-8.",
	}
	unreadableBody = refusal{
		http.StatusUnsupportedMediaType, "invalid_request_error", "unsupported_media_type",
		"The request's body is compressed, a form, or not in UTF-8, so the gateway cannot read which model it is for. Send JSON as it is.",
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
	if place := plainModel.FindSubmatchIndex(body[at:]); place != nil {
		return plainName(body, at+place[2], at+place[3]), nil
	}
	start := at + len(modelKey)
	start += bytes.IndexByte(body[start:], ':') + 1
	return readModel(json.NewDecoder(bytes.NewReader(body[start:])), start)
}

// plainModel finds a key whose value is an ordinary name, as it nearly always is: without escapes, and in letters that all encodings share.
var plainModel = regexp.MustCompile(`^"model"[ \t\r\n]*:[ \t\r\n]*"([ !#-\[\]-~]{1,` + strconv.Itoa(MaxModel) + `})"`)

func plainName(body []byte, from, to int) *namedModel {
	return &namedModel{name: string(body[from:to]), from: from - 1, to: to + 1}
}

var (
	// anySpelling finds the key in all spellings that some server takes for it: in any case, as Go's do, and with letters by their numbers.
	anySpelling = regexp.MustCompile(`"(?:[mM]|\\u00[46][dD])(?:[oO]|\\u00[46][fF])(?:[dD]|\\u00[46]4)(?:[eE]|\\u00[46]5)(?:[lL]|\\u00[46][cC])"`)
	// unusual are beginnings of which every spelling but the usual one has one.
	unusual = [][]byte{[]byte(`\u00`), []byte(`"M`), []byte(`"mO`), []byte(`"moD`), []byte(`"modE`), []byte(`"modeL`)}
)

// manyBytes are more than anySpelling reads in the time that it takes to look for unusual beginnings, and enough to be let go early.
const manyBytes = 8 << 10

// hasOtherSpelling says whether a body may have the key in another spelling, beside count times as it is.
func hasOtherSpelling(body []byte, count int) bool {
	return (len(body) <= manyBytes || isUnusual(body)) && len(anySpelling.FindAllIndex(body, count+1)) > count
}

func isUnusual(body []byte) bool {
	for _, beginning := range unusual {
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

// hasMark says whether a body begins as a text of another encoding does, or with a mark of its encoding, which Python's servers take off
// (https://docs.python.org/3/library/json.html#json.loads).
func hasMark(body []byte) bool {
	return bytes.HasPrefix(body, []byte("\x00")) || bytes.HasPrefix(body, []byte("\xef\xbb\xbf")) ||
		bytes.HasPrefix(body, []byte("\xfe\xff")) || bytes.HasPrefix(body, []byte("\xff\xfe"))
}

// isForm and isStream say that a body is not held: forms carry files, and a stream of gRPC has no end of its own.
func isForm(r *http.Request) bool {
	return strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), "multipart/")
}

func isStream(r *http.Request) bool {
	return strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), "application/grpc")
}

// isJSON says whether a body is said to be JSON and nothing else, as it nearly always is.
func isJSON(r *http.Request) bool {
	types := r.Header["Content-Type"]
	return len(types) == 1 && types[0] == "application/json" && len(r.Header["Content-Encoding"]) == 0
}

// isReadable says whether a body is one that can be read for its model.
func isReadable(r *http.Request) bool {
	return isJSON(r) || !isForm(r) && !isStream(r) && isPlain(r)
}

// isPlain says whether the bytes of a body are its text in UTF-8: it is not compressed, and not said to be in another encoding.
func isPlain(r *http.Request) bool {
	encodings := r.Header["Content-Encoding"]
	if len(encodings) > 1 || len(encodings) == 1 && encodings[0] != "" && !strings.EqualFold(encodings[0], "identity") {
		return false
	}
	mediaType := r.Header.Get("Content-Type")
	return mediaType == "application/json" || len(r.Header["Content-Type"]) < 2 && isUTF8(mediaType)
}

func isUTF8(mediaType string) bool {
	if !strings.Contains(strings.ToLower(mediaType), "charset") {
		return true
	}
	_, parameters, err := mime.ParseMediaType(mediaType)
	charset := strings.ToLower(parameters["charset"])
	return err == nil && (charset == "utf-8" || charset == "utf8" || charset == "us-ascii")
}

// refuseEncoded answers a request whose body cannot be read (RFC 9110, section 15.5.16).
func refuseEncoded(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Accept-Encoding", "identity")
	refuse(w, r, unreadableBody)
}

// holdWhole holds a body from its beginning to its end.
func holdWhole(r *http.Request) (*heldBody, error) {
	most := mostOfOne()
	if r.ContentLength > most {
		return nil, &http.MaxBytesError{Limit: most}
	}
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

// renameInQuery writes another name into a query that names the model, such as a WebSocket's.
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
