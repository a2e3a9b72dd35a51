package target

import (
	"fmt"
	"slices"
	"strings"
)

// calls are the paths of API calls that a client appends to a base URL. /models is not among them: some providers' base URLs end
// in it.
var calls = []string{
	"/chat/completions", "/completions", "/responses", "/embeddings", "/messages", "/moderations",
	"/audio/speech", "/audio/transcriptions", "/audio/translations", "/images/edits", "/images/generations",
}

// checkCall refuses a path that was copied together with that of a call, which clients would append once more.
func checkCall(path string) error {
	i := slices.IndexFunc(calls, func(call string) bool { return strings.HasSuffix(path, call) })
	if i < 0 {
		return nil
	}
	return fmt.Errorf("ends with %s, the path of an API call, which clients append themselves; leave it out", calls[i])
}
