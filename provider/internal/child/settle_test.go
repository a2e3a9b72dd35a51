package child

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestOnlyWritesOfContentAreWaitedFor would catch an update that waits two seconds because a gateway wrote a status.
func TestOnlyWritesOfContentAreWaitedFor(t *testing.T) {
	entry := func(time string, subresource any) map[string]any {
		e := map[string]any{"manager": "someone", "time": time}
		if subresource != nil {
			e["subresource"] = subresource
		}
		return e
	}
	first, second, third := "2026-01-02T03:04:05Z", "2026-01-02T03:04:06Z", "2026-01-02T03:04:07Z"
	at := time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC)
	for name, metadata := range map[string]map[string]any{
		"the newest of several": {"managedFields": []any{entry(first, nil), entry(second, nil), entry(first, nil)}},
		"not that of a status":  {"managedFields": []any{entry(second, nil), entry(third, "status")}},
		"not what has no time":  {"managedFields": []any{entry(second, nil), entry("soon", nil), "odd", map[string]any{}}},
	} {
		assert.Equal(t, at, lastWrite(metadata), name)
	}
	assert.Zero(t, lastWrite(nil))
}

// TestRecentWritesCountWhateverTheClocks would catch an update that does not wait for its own writes because the API server's clock differs
// from ours, and one that waits for those of an earlier update.
func TestRecentWritesCountWhateverTheClocks(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for age, want := range map[time.Duration]bool{0: true, recent: true, recent + time.Second: false, -time.Minute: true} {
		assert.Equal(t, want, isRecent(now.Add(-age), now), age)
	}
	assert.False(t, isRecent(time.Time{}, now), "an object that says nothing of its writes")
}
