package exampletest

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/provider"
	"github.com/modelplane/pulumi-modelplane/tests/stack"
)

var record = flag.Bool("record", false, "record the state that this version makes of each example, for later versions to go up from")

// Suffix is what a recording's file ends with, after the name of the example. The CRDs that a gateway installs are in its
// state more than once. They are too far apart for gzip to compress the repetition.
const Suffix = ".json.zst"

// Recording is the state of an example as a version made it.
type Recording struct {
	// Settings is the text of SettingsFile, the stack's configuration.
	Settings string `json:"settings"`
	// State is what the version made of it.
	State apitype.UntypedDeployment `json:"state"`
}

// SettingsFile is where Pulumi keeps the configuration of a test's stack.
const SettingsFile = "Pulumi.test.yaml"

// Recordings are the files of all recordings.
func Recordings(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(recordingOf("*", "*"))
	require.NoError(t, err)
	return files
}

func recordingOf(version, example string) string {
	return filepath.Join(Root(), "tests", "examples", "upgrade", "testdata", version, example+Suffix)
}

// Record keeps the state of an example in YAML, which later versions go up from, where -record asks for it.
func Record(t testing.TB, s *stack.Stack, example string) {
	t.Helper()
	project, err := os.ReadFile(filepath.Join(s.Dir, "Pulumi.yaml"))
	require.NoError(t, err)
	if !*record || !strings.Contains(string(project), "runtime: yaml") {
		return
	}
	settings, err := os.ReadFile(filepath.Join(s.Dir, SettingsFile))
	require.NoError(t, err)
	text, err := json.Marshal(Recording{Settings: string(settings), State: s.Export(t)})
	require.NoError(t, err)
	path := recordingOf(provider.Version, example)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	file, err := os.Create(path)
	require.NoError(t, err)
	defer file.Close()
	compressed, err := zstd.NewWriter(file, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
	require.NoError(t, err)
	_, err = strings.NewReplacer(Root(), rootMark).WriteString(compressed, string(text))
	require.NoError(t, err)
	require.NoError(t, compressed.Close())
}

// rootMark replaces the repository's folder in a recording.
const rootMark = "${ROOT}"

// Read reads a recording.
func Read(t testing.TB, path string) Recording {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	compressed, err := zstd.NewReader(file)
	require.NoError(t, err)
	defer compressed.Close()
	text, err := io.ReadAll(compressed)
	require.NoError(t, err)
	var recording Recording
	require.NoError(t, json.Unmarshal(bytes.ReplaceAll(text, []byte(rootMark), []byte(Root())), &recording))
	return recording
}
