package plugin

import (
	"net/http"
	"time"
)

// What tests call by themselves.
var (
	ParseRanges   = parseRanges
	ClientAddress = clientAddress
	ShareBy       = shareBy
)

// Borrow gives r the body with this number, and says whether there is one.
func Borrow(r *http.Request, number string) bool { return borrow(r, number) != nil }

// TakeAt counts one request of a client that has one in a minute, and gives how long it has to wait.
func TakeAt(name string, now time.Time) time.Duration {
	return take(meterOf(name, 0), "a", 1, int64(time.Minute), since(now)).wait
}

// SetBodyMemory says how much the bodies of all requests may take.
func SetBodyMemory(most int64) { bodyMemory.most = most }

// Named is the model that an object names, and the object with another one in its place; code is why there is none.
func Named(body []byte, other string) (name string, replaced []byte, code string) {
	named, why := findModel(body)
	return namedOf(body, other, named, why)
}

// NamedAmongKeys is the same by the longer way, for an object that is valid JSON.
func NamedAmongKeys(body []byte, other string) (name string, replaced []byte, code string) {
	named, why := findAmongKeys(body)
	return namedOf(body, other, named, why)
}

func namedOf(body []byte, other string, named *namedModel, why *refusal) (string, []byte, string) {
	if why != nil {
		return "", nil, why.code
	}
	if named == nil {
		return "", body, ""
	}
	return named.name, []byte(string(body[:named.from]) + quoted(other) + string(body[named.to:])), ""
}

// SpendAt uses one token of a client that may use one a minute, and gives how long it has to wait for the next.
func SpendAt(name string, now time.Time) time.Duration {
	m := meterOf(name, 60)
	spend(m, "a", 1, now)
	return ofTokens(m, "a", 1, now).wait
}

// OverspentAt is how long that client has to wait.
func OverspentAt(name string, now time.Time) time.Duration {
	return ofTokens(meterOf(name, 60), "a", 1, now).wait
}
