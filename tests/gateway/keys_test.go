package gateway

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
	"github.com/modelplane/pulumi-modelplane/tests/modelserver"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

// TestAKeyIsInItsSecretAndNowhereElse would catch a key that any part of the chain writes where it can be read without the right
// to read Secrets: an object's spec, annotation or status, the state, what the CLI prints, the log of a component or
// of a Pod, at any time of its life, rotation included.
func TestAKeyIsInItsSecretAndNowhereElse(t *testing.T) {
	const first, second = "sk-Audit-5b0c7d1e9f", "sk-Audit-0a4e6c8b2d"
	gateway := sharedGateway(t)
	server := harness.Serve(t, modelserver.Options{Name: "keyed", Address: ":8000", BasePath: "/v1", Keys: []string{first, second}})
	cluster := harness.NewCluster(t)
	s := harness.NewStack(t, "audit")
	s.Write(t, harness.Program("audit", []string{
		harness.ModelEndpoint("keyed", fmt.Sprintf("url: 'http://%s/v1', apiKey: '${key}'", server.Address())),
		harness.ModelService("chat", gateway, "", "keyed"),
	}, "url: ${chat.url}", "backend: ${keyed.backend}"))

	for _, key := range []string{first, second} {
		s.SetSecret(t, "key", key)
		requireSucceeds(t, s.Preview())
		requireSucceeds(t, s.Up())
		requireServed(t, s.Outputs(t)["url"].(string), "keyed")
		requireSucceeds(t, s.Refresh())
		last := server.Requests()[server.Count()-1]
		require.Equal(t, "Bearer "+key, last.Header.Get("Authorization"), "the audit would look for a key that is not in use")

		secrets := 0
		for name, object := range cluster.Objects(t) {
			content, err := json.Marshal(object.Object)
			require.NoError(t, err)
			if harness.Found(string(content), first, second) == "" {
				continue
			}
			assert.True(t, strings.HasPrefix(name, "secrets default/keyed-"), "the key is in %s", name)
			assert.Contains(t, string(content), base64.StdEncoding.EncodeToString([]byte(key)), "%s holds the other key", name)
			secrets++
		}
		assert.Equal(t, 1, secrets, "Secrets with the key")
		state := s.State(t)
		require.Contains(t, state, "kubernetes:core/v1:Secret", "the state holds the Secret that is looked for")
		assert.Empty(t, harness.Found(state, first, second), "the state")
	}
	requireSucceeds(t, s.Destroy())

	assert.Empty(t, harness.Found(s.Log.String(), first, second), "what the CLI printed")
	files := 0
	// The state's own folder holds its history and backups too.
	for _, folder := range []string{s.Dir, s.Home, harness.Plane.LogsDir(), harness.Plane.PodsDir()} {
		require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			assert.Empty(t, harness.Found(string(content), first, second), path)
			files++
			return err
		}))
	}
	assert.Greater(t, files, 10)
}

func requireSucceeds(t testing.TB, result stack.Result) {
	t.Helper()
	require.NoError(t, result.Err, result.Output)
}
