package callers

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/plugin"
)

// TestTwentyThousandCallersFit would catch what a Secret holds growing beyond it, and a line that the plugin does not read as it was meant.
func TestTwentyThousandCallersFit(t *testing.T) {
	key := func(i int) string { return fmt.Sprintf("sk-of-a-customer-%05d", i) }
	var ring Keyring
	for i := range 20_000 {
		ring.Keys = append(ring.Keys, Key{Name: fmt.Sprintf("customer-%05d", i), Key: ptr.To(key(i))})
	}
	lines, faults := decide(ring)
	require.NoError(t, faults.Err())
	assert.Less(t, len(lines), maxSecret)

	var caller string
	asked := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { caller = r.Header.Get(plugin.CallerHeader) })
	guard, err := plugin.New(t.Context(), asked, &plugin.Config{Callers: &lines}, "team_callers@kubernetescrd")
	require.NoError(t, err)
	for _, i := range []int{0, 777, 19_999} {
		request := httptest.NewRequest(http.MethodGet, "/v1/models", nil)
		request.Header.Set("Authorization", "Bearer "+key(i))
		guard.ServeHTTP(httptest.NewRecorder(), request)
		assert.Equal(t, fmt.Sprintf("customer-%05d", i), caller)
	}

	for i := range ring.Keys {
		ring.Keys[i].Name += strings.Repeat("x", 40)
	}
	_, faults = decide(ring)
	assert.ErrorContains(t, faults.Err(), "keys: take 1760000 bytes with their names, and a Secret holds 1048576")
}
