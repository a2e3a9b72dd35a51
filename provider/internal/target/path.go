package target

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// MaxPathLength is the number of characters that an HTTPRoute takes in a path
// match and in a rewritten prefix
// (https://github.com/kubernetes-sigs/gateway-api/blob/v1.6.3/apis/v1/httproute_types.go#L556).
const MaxPathLength = 1024

// pathCharacters are the characters that reach a server as written, beside
// letters and digits. An HTTPRoute also takes !, ', (, ), * and %: Traefik
// sends the first five percent-encoded when they are in a rewritten prefix,
// encodes a % once more, and compares a path match with a decoded request
// (pkg/middlewares/gatewayapi/urlrewrite/url_rewrite.go:57 and
// pkg/muxer/http/mux.go:138 of v3.7.13).
const pathCharacters = "-._~$&+,;=:@/"

// ParsePath reads a base path or a path prefix. One slash at its end is
// dropped, so "/" gives "" and "/v1/" gives "/v1": a prefix with a slash at its
// end would send the bare prefix on without rewriting it. Two results put
// together are a path again; only its length is new, and ParsePath checks it.
func ParsePath(s string) (string, error) {
	if s == "" || s == "/" {
		return "", nil
	}
	if hasSpace(s) {
		return "", errSpace
	}
	if s[0] != '/' {
		return "", errors.New("is a path without a slash at its start; write it like /v1")
	}
	if err := checkPathCharacters(s); err != nil {
		return "", err
	}
	path := strings.TrimSuffix(s, "/")
	segments := strings.Split(path[1:], "/")
	if slices.Contains(segments, "") {
		return "", errors.New("has an empty path segment (//); write one slash between two segments")
	}
	if slices.Contains(segments, ".") || slices.Contains(segments, "..") {
		return "", errors.New("has a . or .. as a path segment; write the path that is meant")
	}
	if len(path) > MaxPathLength {
		return "", fmt.Errorf("has a path of more than %d characters, the most that an HTTPRoute takes", MaxPathLength)
	}
	if err := checkCall(path); err != nil {
		return "", err
	}
	return path, nil
}

func checkPathCharacters(s string) error {
	i := strings.IndexFunc(s, func(r rune) bool { return !isPathCharacter(r) })
	if i < 0 {
		return nil
	}
	switch s[i] {
	case '?':
		return errors.New("has a query (the part from ?); write the path alone")
	case '#':
		return errors.New("has a fragment (the part from #); write the path alone")
	case '%':
		return errors.New("has a percent-encoded character in its path, which the gateway would encode once more; use a path without one")
	}
	return errors.New("has a character in its path that does not reach the server as written; use letters, digits and -._~$&+,;=:@")
}

func isPathCharacter(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' ||
		strings.ContainsRune(pathCharacters, r)
}
