package docs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

// Hold holds the pages that are chosen to what they say. It would catch a command that fails, a program that is refused or out of date, and an
// output that is no longer what the page shows.
func Hold(t *testing.T, chosen func(page string) bool) {
	serveModels(t)
	harness.ServeCharts(t)
	r := newReader(t)
	pages, err := Pages(os.DirFS(root))
	require.NoError(t, err)
	for _, page := range pages {
		if chosen(page) {
			t.Run(page, func(t *testing.T) { r.read(t, page) })
		}
	}
}

// Guide says whether a page is a guide to one task. Guides and the other pages are held to what they say side by side, by packages of their own.
func Guide(page string) bool { return strings.HasPrefix(page, "docs/how-to/") }

// root is the repository, as the packages below this one see it.
const root = "../../.."

// elsewhere are the languages whose programs are previewed with the examples, in tests/examples/descriptions.
var elsewhere = []string{"go", "typescript", "python"}

// reader reads one page after the other and does what they say.
type reader struct {
	shell shell
	base  program
	// program is the page's so far, and applied says whether what is up is the base alone.
	program program
	applied bool
}

func newReader(t *testing.T) *reader {
	t.Helper()
	r := &reader{shell: newShell(t)}
	blocks := blocksOf(t, index)
	require.NotEmpty(t, blocks)
	require.Equal(t, "yaml", blocks[0].Language, "the first block of the index is the program that all pages go on from")
	var err error
	r.base, err = parseProgram(blocks[0].Text)
	require.NoError(t, err)
	r.shell.write(t, "groq.key", apiKey+"\n")
	r.write(t, r.base)
	r.shell.must(t, "pulumi stack init dev && pulumi config set --secret groqKey <groq.key")
	t.Cleanup(func() { r.shell.must(t, "pulumi destroy") })
	return r
}

func blocksOf(t *testing.T, page string) []Block {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, page))
	require.NoError(t, err)
	blocks, err := Blocks(string(text))
	require.NoError(t, err, page)
	return blocks
}

func (r *reader) write(t *testing.T, p program) {
	t.Helper()
	r.program = p
	text, err := yaml.Marshal(p)
	require.NoError(t, err)
	r.shell.write(t, "Pulumi.yaml", string(text))
}

func (r *reader) read(t *testing.T, page string) {
	blocks := blocksOf(t, page)
	r.shell.forget(t)
	r.write(t, r.base)
	if !r.applied && runs(blocks) {
		r.shell.must(t, "pulumi config set --secret groqKey <groq.key && pulumi up")
		r.applied = true
	}
	for _, block := range blocks {
		switch {
		case block.NotRun != "":
			t.Logf("%s:%d is not run: %s", page, block.Line, block.NotRun)
		case block.File != "":
			r.shell.write(t, block.File, block.Text)
		case block.Language == "sh":
			r.applied = r.applied && !strings.Contains(block.Text, "pulumi up")
			output, err := r.shell.run(block.Text)
			hold(t, page, block, output, err)
		case block.Language == "yaml":
			r.preview(t, page, block)
		case block.Language != "" && !slices.Contains(elsewhere, block.Language):
			require.Failf(t, "a block that is not checked", "%s:%d: nothing runs %q; say why above it", page, block.Line, block.Language)
		}
	}
}

// runs says whether a page has commands, for which its program has to be up.
func runs(blocks []Block) bool {
	for _, block := range blocks {
		if block.Language == "sh" && block.NotRun == "" {
			return true
		}
	}
	return false
}

func (r *reader) preview(t *testing.T, page string, block Block) {
	t.Helper()
	before := r.program
	snippet, err := parseProgram(block.Text)
	require.NoError(t, err, "%s:%d", page, block.Line)
	if block.Whole {
		r.write(t, program{"name": r.base["name"], "runtime": "yaml"}.with(snippet))
	} else {
		r.write(t, r.program.with(snippet))
	}
	output, err := r.shell.run("pulumi preview")
	hold(t, page, block, output, err)
	if block.Alone || block.Fails {
		r.write(t, before)
	}
}

// hold holds what a block did to what its page says.
func hold(t *testing.T, page string, block Block, output string, err error) {
	t.Helper()
	if block.Fails {
		require.Error(t, err, "%s:%d was to fail:\n%s", page, block.Line, output)
	} else {
		require.NoError(t, err, "%s:%d:\n%s", page, block.Line, output)
	}
	if missing := Missing(block.Output, output); missing != "" {
		require.Failf(t, "output", "%s:%d: the page shows, but this is not printed:\n%s\n\nall that is printed:\n%s",
			page, block.Line, missing, output)
	}
}
