package apitest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// CertificateCRD is the CRD of Certificates as cert-manager installs it.
func CertificateCRD(t testing.TB) map[string]any {
	t.Helper()
	folder, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/cert-manager/cert-manager").Output()
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(folder)), "deploy", "crds", "crd-certificates.yaml"))
	require.NoError(t, err)
	// It is a template of cert-manager's chart, whose actions are comments and labels.
	var crd map[string]any
	require.NoError(t, yaml.Unmarshal(text, &crd))
	return map[string]any{
		"apiVersion": crd["apiVersion"], "kind": crd["kind"], "metadata": map[string]any{"name": "certificates.cert-manager.io"}, "spec": crd["spec"],
	}
}
