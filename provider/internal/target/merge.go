package target

import (
	"fmt"
	"strings"

	discoveryv1 "k8s.io/api/discovery/v1"
)

// MaxAddresses is the number of endpoints that one EndpointSlice takes
// (https://github.com/kubernetes/api/blob/v0.36.1/discovery/v1/types.go#L57).
const MaxAddresses = 1000

// Target is where one endpoint's requests go: any of Addresses, which are equal.
type Target struct {
	// Scheme is HTTP or HTTPS.
	Scheme string
	// Family is what all Addresses are.
	Family discoveryv1.AddressType
	// Addresses are the hosts in the order of their URLs, each once.
	Addresses []string
	// Port is between 1 and 65535.
	Port int32
	// Path is the base path, "" for the root.
	Path string
}

// Hostname is the name that servers expect in the Host header when nobody says
// otherwise: the one host name, or "" where the addresses are IPs or several
// names, of which none is right for the others.
func (t Target) Hostname() string {
	if t.Family != discoveryv1.AddressTypeFQDN || len(t.Addresses) != 1 {
		return ""
	}
	return t.Addresses[0]
}

// Whole is the Index of a [Problem] with the list rather than one of its URLs.
const Whole = -1

// Problem is one reason why URLs do not make one target.
type Problem struct {
	// Index is the place of the URL at fault, or Whole.
	Index int
	// Message is a sentence without a subject, as the package's errors are.
	Message string
}

// Merge makes one target of URLs that differ in nothing but their hosts. The
// first URL sets what the others must equal. If there are problems, no target is given.
func Merge(urls []URL) (Target, []Problem) {
	if len(urls) == 0 {
		return Target{}, []Problem{{Whole, "is empty; write at least one URL"}}
	}
	var problems []Problem
	if len(urls) > MaxAddresses {
		problems = append(problems, Problem{Whole, fmt.Sprintf(
			"holds %d URLs; one EndpointSlice takes %d at most, so split them over several endpoints", len(urls), MaxAddresses)})
	}
	first := urls[0]
	target := Target{Scheme: first.Scheme, Family: first.Family, Port: first.Port, Path: first.Path}
	seen := make(map[URL]int, len(urls))
	for i, u := range urls {
		for _, message := range differences(first, u) {
			problems = append(problems, Problem{i, message})
		}
		if earlier, found := seen[u]; found {
			problems = append(problems, Problem{i, fmt.Sprintf("is the same server as URL %d of the list; write each once", earlier+1)})
			continue
		}
		seen[u] = i
		target.Addresses = append(target.Addresses, u.Host)
	}
	if len(problems) > 0 {
		return Target{}, problems
	}
	return target, nil
}

// differences names what one endpoint cannot mix, with both sides of each.
func differences(first, other URL) []string {
	var messages []string
	differ := func(what, is, wants string) {
		messages = append(messages, fmt.Sprintf(
			"has %s %s, but the first URL has %s; one endpoint has one, so make two endpoints of them", what, is, wants))
	}
	if other.Scheme != first.Scheme {
		differ("the scheme", other.Scheme, first.Scheme)
	}
	if other.Family != first.Family {
		differ("a host of the kind", describe(other.Family), describe(first.Family))
	}
	// Default ports that differ because the schemes do are not a second fault.
	byScheme := other.Scheme != first.Scheme && other.Port == defaultPort(other.Scheme) && first.Port == defaultPort(first.Scheme)
	if other.Port != first.Port && !byScheme {
		differ("the port", fmt.Sprint(other.Port), fmt.Sprint(first.Port))
	}
	if other.Path != first.Path {
		differ("the base path", orRoot(other.Path), orRoot(first.Path))
	}
	return messages
}

func describe(family discoveryv1.AddressType) string {
	return strings.Replace(string(family), string(discoveryv1.AddressTypeFQDN), "host name", 1)
}

func orRoot(path string) string {
	if path == "" {
		return "/"
	}
	return path
}
