package plugin

import (
	"errors"
	"strings"
)

// hasKey reports whether a key is meant to be sent, be it usable or not.
func (c *Config) hasKey() bool {
	return c.Bearer != nil || c.Header != "" || c.Prefix != "" || c.Value != ""
}

// credential is the header that config asks for. It sets one variable at a time: of two that are set at once, one of them
// from a function, Yaegi 0.16 loses the other.
func credential(config *Config) (header, value string, err error) {
	switch {
	case config.Bearer != nil && (config.Header != "" || config.Prefix != "" || config.Value != ""):
		return "", "", errors.New("bearer excludes header, prefix and value; set one or the other")
	case config.Bearer != nil:
		header = "Authorization"
		value = withPrefix("Bearer ", *config.Bearer)
	case config.Header == "":
		return "", "", errors.New("value needs header, the name of the header that carries it")
	case !isToken(config.Header):
		return "", "", errors.New("header is not a name that HTTP allows; letters, digits and - are safe")
	default:
		header = config.Header
		value = withPrefix(config.Prefix, config.Value)
	}
	if value == "" {
		return "", "", errors.New("the key is empty; write it into the Secret that the Middleware names")
	}
	if !isPrintable(value) {
		return "", "", errors.New("the key holds a line break or another control character; write it as one line")
	}
	return header, value, nil
}

// withPrefix is prefix and key, or empty without a key. The key loses what was stored around it: the newline that echo
// leaves, the quotation marks of a .env file, and a prefix of its own.
func withPrefix(prefix, key string) string {
	for before := ""; before != key; {
		before = key
		key = strings.TrimSpace(key)
		if last := len(key) - 1; last > 0 && key[0] == key[last] && (key[0] == '"' || key[0] == '\'') {
			key = key[1:last]
		}
		if n := len(prefix); n > 0 && len(key) >= n && strings.EqualFold(key[:n], prefix) {
			key = key[n:]
		}
	}
	if key == "" || strings.EqualFold(key, strings.TrimSpace(prefix)) {
		return ""
	}
	return prefix + key
}

// isToken reports whether name is a header name (https://www.rfc-editor.org/rfc/rfc9110#name-tokens).
func isToken(name string) bool {
	const token = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return name != "" && strings.Trim(name, token) == ""
}

// isPrintable reports whether a header can hold value: net/http refuses to send control characters.
func isPrintable(value string) bool {
	for _, c := range value {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}
