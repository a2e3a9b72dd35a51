package localplane_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/modelplane/pulumi-modelplane/tests/localplane/internal/tools"
)

// It would catch a plane that is not ready when up returns, that cannot be
// reached from outside, and one that down leaves running.
func TestPlaneByHandIsOfUseUntilItIsTakenDown(t *testing.T) {
	folder, err := tools.Folder()
	require.NoError(t, err)
	cache := t.TempDir()
	byHand := func(args ...string) outcome {
		return runCLI(t, []string{"XDG_CACHE_HOME=" + cache, "MODELPLANE_TOOLS=" + folder}, args...)
	}
	notUp := byHand("exec", "--", "true")
	require.Equal(t, 125, notUp.code)
	require.Contains(t, notUp.stderr, `"localplane up" starts one`)

	started := byHand("up", "--clusters", "east")
	defer byHand("down")
	require.Zero(t, started.code, "%s", started.stderr)
	require.Contains(t, byHand("up").stdout, "up already")

	inside := byHand("exec", "--", "sh", "-c", "pwd; echo $MODELPLANE_PLANE; exit 7")
	require.Equal(t, 7, inside.code, "%s", inside.stderr)
	workingDir, err := os.Getwd()
	require.NoError(t, err)
	dir := filepath.Join(cache, "modelplane", "plane")
	require.Equal(t, workingDir+"\n"+dir+"\n", inside.stdout)

	config, err := clientcmd.Load([]byte(byHand("kubeconfig").stdout))
	require.NoError(t, err)
	for context, node := range map[string]string{"": "localplane", "localplane": "localplane", "east": "east"} {
		config, err := clientcmd.NewNonInteractiveClientConfig(*config, context, nil, nil).ClientConfig()
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(config.Host, "https://127.0.0.1:"), config.Host)
		client, err := kubernetes.NewForConfig(config)
		require.NoError(t, err)
		_, err = client.CoreV1().Nodes().Get(t.Context(), node, metav1.GetOptions{})
		require.NoError(t, err, "context %q", context)

		inside := byHand("exec", "--", "kubectl", "get", "nodes", "-o", "name", "--context", context)
		require.Equal(t, "node/"+node+"\n", inside.stdout, inside.stderr)
	}

	require.Zero(t, byHand("down").code)
	require.Empty(t, processesOf(t, dir))
	require.Contains(t, byHand("down").stdout, "No plane is up")
}
