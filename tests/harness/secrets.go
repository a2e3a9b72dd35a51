package harness

import (
	"encoding/base64"
	"strings"
)

// Found is the first of keys that text holds, in plain or as Secrets and headers encode it; empty if there is none.
func Found(text string, keys ...string) string {
	for _, key := range keys {
		for _, form := range []string{
			key,
			base64.StdEncoding.EncodeToString([]byte(key)),
			strings.TrimRight(base64.StdEncoding.EncodeToString([]byte("Bearer "+key)), "="),
		} {
			if strings.Contains(text, form) {
				return form
			}
		}
	}
	return ""
}
