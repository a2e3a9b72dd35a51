package clusters

import (
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

// secretsStayHidden would catch a kubeconfig's token, or the provider's key, in anything that is printed, logged or stored in plain
// text. Only the Secret of the provider's key may have that key.
func secretsStayHidden(t *testing.T, r *running) {
	var secrets []string
	for _, cluster := range []string{"east", "west"} {
		config, err := clientcmd.LoadFromFile(harness.Plane.Cluster(cluster).Kubeconfig())
		require.NoError(t, err)
		for _, admin := range config.AuthInfos {
			require.NotEmpty(t, admin.Token)
			secrets = append(secrets, forms(admin.Token)...)
		}
		secrets = append(secrets, forms(r.users[cluster].token)...)
	}
	hidden := func(where, text string) {
		t.Helper()
		for _, secret := range append(secrets, forms(providerKey)...) {
			found := strings.Contains(text, secret) // neither is to be printed
			assert.False(t, found, "%s has %.8s…", where, secret)
		}
	}
	for _, cluster := range []string{"east", "west"} {
		r.SetSecret(t, cluster+"-kubeconfig", r.users[cluster].kubeconfig(t, nil))
	}
	for _, args := range [][]string{{"preview", "--json"}, {"preview", "--diff", "--show-sames"}, {"up", "--yes", "--diff", "-v=3", "--logtostderr"}, {"stack", "export"}} {
		output := r.Run(t, args...)
		require.Contains(t, output, "kubeconfig", "it would be looked for where it cannot be")
		hidden(strings.Join(args, " "), output)
	}
	hidden("what the CLI printed", r.Log.String())
	hidden("the state", r.State(t))

	for name, cluster := range r.clusters {
		for object, content := range cluster.Objects(t) {
			text, err := json.Marshal(content.Object)
			require.NoError(t, err)
			if !strings.HasPrefix(object, "secrets default/provider-") {
				hidden(name+" "+object, string(text))
			}
		}
	}
	folders := []string{r.Dir, r.Home}
	for _, cluster := range harness.Plane.Clusters {
		folders = append(folders, cluster.LogsDir(), cluster.PodsDir())
	}
	for _, folder := range folders {
		require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(path)
			hidden(path, string(text))
			return err
		}))
	}
}

// forms are a secret in plain text, and as Secrets encode it.
func forms(secret string) []string {
	return []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))}
}
