package target

import (
	"errors"
	"net/url"
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
