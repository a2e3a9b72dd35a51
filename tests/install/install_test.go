// Package install installs the package from a checkout as its first users do: with the commands in README.md, as they are
// written there, and then those of an example. It needs the internet.
package install

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/provider"
	"github.com/modelplane/pulumi-modelplane/tests/docs"
	"github.com/modelplane/pulumi-modelplane/tests/examples/exampletest"
)

// repository is what README says to clone.
const repository = "https://github.com/modelplane/pulumi-modelplane"

// TestInstallingFromACheckout would catch a command of README's that fails when it is typed, a provider that Pulumi does not
// find after it, and an SDK that lacks a file, in each language.
func TestInstallingFromACheckout(t *testing.T) {
	_, section, found := strings.Cut(read(t, "README.md"), "\n## Use it from a checkout\n")
	require.True(t, found, "README.md says how to use the package from a checkout")
	section, _, _ = strings.Cut(section, "\n## ")
	ofSDK, ofExample := commands(section), commands(read(t, "examples/quickstart/README.md"))

	checkout := clone(t, section)
	for language, folder := range map[string]string{"YAML": "yaml", "Python": "python", "Go": "go", "TypeScript": "typescript"} {
		t.Run(folder, func(t *testing.T) {
			require.Contains(t, ofSDK, language)
			require.Contains(t, ofExample, language)
			// Not a folder in which the packages of other tests are found.
			project := filepath.Join(t.TempDir(), "quickstart")
			require.NoError(t, os.CopyFS(project, os.DirFS(filepath.Join(exampletest.Root(), "examples/quickstart", folder))))
			t.Setenv("CHECKOUT", checkout)
			for _, command := range append(ofSDK[language], ofExample[language]...) {
				run(t, project, command)
			}
			if language == "YAML" {
				// The others need language hosts that make SDKs, and those that tests run with do not.
				run(t, project, packageAdd(t))
			}
			run(t, project, "pulumi stack init "+folder+" && pulumi config set ownUrl http://10.0.0.7:8000/v1")
			run(t, project, "pulumi config set --secret groqKey gsk-Checkout-90d3b7f1 && pulumi config set chart "+exampletest.Chart())
			// The language host that tests run with does not know of a virtual environment in Pulumi.yaml.
			t.Setenv("PATH", filepath.Join(project, "venv", "bin")+":"+os.Getenv("PATH"))
			require.Contains(t, run(t, project, "pulumi preview"), "modelplane:index:ModelService")
		})
	}
}

// clone runs the commands that come first, and gives the folder that they make. What is cloned is this checkout, with what is
// not committed yet.
func clone(t *testing.T, section string) (checkout string) {
	t.Helper()
	home := t.TempDir()
	for name, value := range map[string]string{
		"PULUMI_HOME":                                 filepath.Join(home, "pulumi"),
		"PULUMI_BACKEND_URL":                          "file://" + home,
		"PULUMI_CONFIG_PASSPHRASE":                    "correct horse battery staple",
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
		"PULUMI_SKIP_UPDATE_CHECK":                    "true",
		// A preview needs no cluster.
		"KUBECONFIG": filepath.Join(home, "none"),
		// The provider is the one that is installed.
		"PATH":               strings.ReplaceAll(os.Getenv("PATH"), filepath.Join(exampletest.Root(), "bin")+":", ""),
		"GIT_CONFIG_COUNT":   "1",
		"GIT_CONFIG_KEY_0":   "url." + filepath.Join(home, "remote") + ".insteadOf",
		"GIT_CONFIG_VALUE_0": repository,
		// What has been downloaded once need not be again.
		"npm_config_prefer_offline": "true",
	} {
		t.Setenv(name, value)
	}
	run(t, exampletest.Root(), `git init --quiet "`+home+`/remote"
git ls-files -z --cached --others --exclude-standard | tar --create --null --ignore-failed-read --files-from - | tar --extract --directory "`+home+`/remote"
cd "`+home+`/remote" && git add --all && git -c user.name=test -c user.email=test@example.com commit --quiet --message checkout`)

	blocks, err := docs.Blocks(section)
	require.NoError(t, err)
	require.NotEmpty(t, blocks)
	require.Contains(t, blocks[0].Text, repository)
	run(t, home, blocks[0].Text)
	require.Regexp(t, `modelplane +resource +`+regexp.QuoteMeta(provider.Version), run(t, home, "pulumi plugin ls"))
	return filepath.Join(home, "pulumi-modelplane")
}

// packageAdd is how the documentation has Pulumi take the package from a checkout.
func packageAdd(t *testing.T) string {
	t.Helper()
	blocks, err := docs.Blocks(read(t, "docs/installation-configuration.md"))
	require.NoError(t, err)
	for _, block := range blocks {
		if strings.HasPrefix(block.Text, "pulumi package add $CHECKOUT") {
			return block.Text
		}
	}
	require.Fail(t, "no page says how to add the package from a checkout")
	return ""
}

var (
	row  = regexp.MustCompile(`(?m)^\| (YAML|Python|Go|TypeScript) \| (.*) \|$`)
	code = regexp.MustCompile("`([^`]+)`")
)

// commands are what a table with a row for each language says to type.
func commands(page string) map[string][]string {
	all := map[string][]string{}
	for _, found := range row.FindAllStringSubmatch(page, -1) {
		all[found[1]] = []string{}
		for _, command := range code.FindAllStringSubmatch(found[2], -1) {
			all[found[1]] = append(all[found[1]], command[1])
		}
	}
	return all
}

// run gives what commands print, which must succeed.
func run(t *testing.T, dir, commands string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", commands)
	command.Dir = dir
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s\n%s", commands, output)
	return string(output)
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(exampletest.Root(), name))
	require.NoError(t, err)
	return string(text)
}
