package target

import (
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// ParseListener reads the URL that clients reach a gateway's listener by. It has no path, because each service appends its own.
func ParseListener(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery ||
		u.Fragment != "" || u.Scheme != HTTP && u.Scheme != HTTPS {
		return nil, errors.New("is not the URL of a listener; write scheme and host, such as http://203.0.113.7")
	}
	u.Path = ""
	return u, nil
}

// ListenerURL is the URL of a listener at an IP address or host name. It leaves out the scheme's own port.
func ListenerURL(scheme, host string, port int) string {
	switch {
	case port != int(defaultPort(scheme)):
		host = net.JoinHostPort(host, strconv.Itoa(port))
	case strings.Contains(host, ":"):
		host = "[" + host + "]"
	}
	return scheme + "://" + host
}
