package localplane_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/tests/localplane/internal/tools"
)

// It would catch a step of the start that only root can do.
func TestPlaneRunsWithoutRoot(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("this run is not root's, so every other test shows already that a plane needs no root")
	}
	const nobody = 65534
	folder := folderForOthers(t)
	home := filepath.Join(folder, "home")
	require.NoError(t, os.Mkdir(home, 0o755))
	require.NoError(t, os.Chown(home, nobody, nobody))

	command := exec.Command(filepath.Join(folder, "localplane"), "run", "--", "id", "-u")
	command.Dir = home
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home, "MODELPLANE_TOOLS=" + folder}
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	output, err := command.CombinedOutput()
	switch {
	case errors.Is(err, syscall.EINVAL):
		t.Skip("the user namespace around this test has no user but root, so that there is nobody else to run a plane as")
	case strings.Contains(string(output), "gives no namespaces"):
		t.Skipf("only root gets namespaces here: %s", output)
	}
	require.NoError(t, err, "%s", output)
	require.Equal(t, "0\n", string(output), "the user's number inside, where it is root")
}

// folderForOthers returns a folder with the command and its tools that every
// user can read.
func folderForOthers(t *testing.T) string {
	folder, err := os.MkdirTemp("", "localplane-rootless-")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	require.NoError(t, os.Chmod(folder, 0o755))
	files := []string{cli}
	for _, name := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
		path, err := tools.Find(name)
		require.NoError(t, err)
		files = append(files, path)
	}
	for _, file := range files {
		if err := os.Link(file, filepath.Join(folder, filepath.Base(file))); err != nil {
			t.Skipf("the tools cannot be had where another user can read them: %v", err)
		}
	}
	return folder
}
