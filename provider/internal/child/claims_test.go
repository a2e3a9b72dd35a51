package child

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestWhatIsClaimedBelongsToOneComponent would catch a claim that two components hold, be they called the same inside two
// others, and one that a component loses to itself.
func TestWhatIsClaimedBelongsToOneComponent(t *testing.T) {
	var claims Claims
	chat, inner := holder{"urn of chat", "chat"}, holder{"urn of another", "chat"}
	assert.Empty(t, claims.take(chat, []string{"a", "b"}))
	assert.Empty(t, claims.take(chat, []string{"a", "c"}))
	assert.Equal(t, "chat", claims.take(inner, []string{"d", "b"}))
	assert.Empty(t, claims.take(holder{"urn of other", "other"}, []string{"d"}), "a claim that failed claims nothing")
}
