package plugin

import (
	"regexp"
	"strconv"
	"strings"
)

var (
	// dotSegment finds a segment that is . or .. for some server. Some take \ for /, some leave out a control character or
	// a space, and some cut a segment at its parameters (..;a=b), or a path that they have decoded at ? or #.
	dotSegment = regexp.MustCompile(`(?:^|[/\\[:cntrl:]]) *\.\.? *(?:$|[/\\;?#[:cntrl:]])`)
	// escape is one encoded byte.
	escape = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
)

// hasDotSegment reports whether an escaped path has a dot segment as it is, decoded once or decoded twice. Traefik
// resolves those that are not encoded. One that is encoded passes Traefik as part of a name, and a server that decodes
// it serves what is above the base path: /v1/..%2Fmetrics, with the gateway's key.
func hasDotSegment(path string) bool {
	if !strings.Contains(path, "%") {
		return isDotted(path)
	}
	once := decode(path)
	return isDotted(path) || isDotted(once) || isDotted(decode(once))
}

func isDotted(path string) bool {
	return strings.Contains(path, ".") && dotSegment.MatchString(path)
}

// decode decodes a path, and leaves what is not an encoded byte as it is, as most servers do.
func decode(path string) string {
	return escape.ReplaceAllStringFunc(path, func(encoded string) string {
		b, _ := strconv.ParseUint(encoded[1:], 16, 8)
		return string([]byte{byte(b)})
	})
}
