package target

import (
	"errors"
	"strconv"
	"strings"
	"unicode"

	discoveryv1 "k8s.io/api/discovery/v1"
)

// The schemes that a base URL may have.
const (
	HTTP  = "http"
	HTTPS = "https"
)

// URL is the base URL of one model server. Two URLs that mean the same server
// and path are equal with ==. Make it with [Parse].
type URL struct {
	// Scheme is HTTP or HTTPS.
	Scheme string
	// Family says what Host is; an EndpointSlice holds addresses of one family.
	Family discoveryv1.AddressType
	// Host is an IPv4 address, an IPv6 address without brackets in the form of
	// RFC 5952, or a host name in lower case without a dot at its end.
	Host string
	// Port is between 1 and 65535; 80 or 443 where the text names none.
	Port int32
	// Path is the base path as [ParsePath] gives it: "" for the root, otherwise
	// with a slash at its start and none at its end.
	Path string
}

// Parse reads an absolute http or https URL. It refuses whatever could not be
// sent on exactly as written: see the package's comment on errors.
func Parse(s string) (URL, error) {
	if s == "" {
		return URL{}, errors.New("is empty; write the server's base URL, such as https://api.example.com/v1")
	}
	if hasSpace(s) {
		return URL{}, errSpace
	}
	scheme, authority, path, err := split(s)
	if err != nil {
		return URL{}, err
	}
	hostText, portText, err := splitHostPort(authority)
	if err != nil {
		return URL{}, err
	}
	host, family, err := parseHost(hostText)
	if err != nil {
		return URL{}, err
	}
	port := defaultPort(scheme)
	if portText != "" {
		if port, err = parsePort(portText); err != nil {
			return URL{}, err
		}
	}
	if path, err = ParsePath(path); err != nil {
		return URL{}, err
	}
	return URL{Scheme: scheme, Family: family, Host: host, Port: port, Path: path}, nil
}

// String writes the URL in its shortest form: no default port, no slash at the
// end. Parse(u.String()) is u.
func (u URL) String() string {
	authority := u.Host
	if u.Family == discoveryv1.AddressTypeIPv6 {
		authority = "[" + u.Host + "]"
	}
	if u.Port != defaultPort(u.Scheme) {
		authority += ":" + strconv.Itoa(int(u.Port))
	}
	return u.Scheme + "://" + authority + u.Path
}

// split takes a URL apart. It does by hand what url.Parse does, because the
// errors of url.Parse quote the whole text, password included, and do not tell
// one fault from another.
func split(s string) (scheme, authority, path string, err error) {
	scheme, rest, found := strings.Cut(s, "://")
	if !found || scheme == "" {
		return "", "", "", errors.New("has no scheme; write an absolute URL, such as http://10.0.0.7:8000/v1")
	}
	scheme = strings.ToLower(scheme)
	if scheme != HTTP && scheme != HTTPS {
		return "", "", "", errors.New("does not start with http:// or https://, the two schemes that a model server can have")
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	authority, rest = rest[:end], rest[end:]
	if strings.Contains(authority, "@") {
		return "", "", "", errors.New("has a user name or password before an @; leave it out, and give the Base64 form of user:password as apiKey, with apiKeyScheme Basic")
	}
	if authority == "" {
		return "", "", "", errors.New("has no host; write one after the scheme, such as https://api.example.com")
	}
	if end := strings.IndexAny(rest, "?#"); end >= 0 {
		if rest[end] == '?' {
			return "", "", "", errors.New("has a query (the part from ?); a base URL ends with its path. For Azure, write the form that ends in /openai/v1, which needs no api-version; clients can send a query of their own, which reaches every backend")
		}
		return "", "", "", errors.New("has a fragment (the part from #); a base URL ends with its path")
	}
	return scheme, authority, rest, nil
}

// splitHostPort leaves the brackets of an IPv6 address on the host, so that
// parseHost knows what was meant. The port is "" where there is none.
func splitHostPort(authority string) (host, port string, err error) {
	rest := authority
	if strings.HasPrefix(authority, "[") {
		end := strings.Index(authority, "]")
		if end < 0 {
			return "", "", errors.New("has a [ without a ]; brackets hold an IPv6 address, such as http://[2001:db8::7]:8000")
		}
		host, rest = authority[:end+1], authority[end+1:]
	} else if strings.Count(authority, ":") > 1 {
		return "", "", errors.New("has more than one colon after the scheme; put an IPv6 address in brackets, such as http://[2001:db8::7]:8000")
	}
	before, port, found := strings.Cut(rest, ":")
	host += before
	if found && port == "" {
		return "", "", errors.New("has a colon with no port after it; write a number from 1 to 65535, or leave the colon out")
	}
	if host == "" {
		return "", "", errors.New("has a port but no host; write one before the colon, such as http://10.0.0.7:8000")
	}
	return host, port, nil
}

func parsePort(s string) (int32, error) {
	port, err := strconv.ParseUint(s, 10, 16)
	if err != nil || port == 0 {
		return 0, errors.New("has a port that is not a number from 1 to 65535")
	}
	return int32(port), nil
}

func defaultPort(scheme string) int32 {
	if scheme == HTTPS {
		return 443
	}
	return 80
}

var errSpace = errors.New("has white space or a control character in it, which may have come with a copied text; remove it")

func hasSpace(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
}
