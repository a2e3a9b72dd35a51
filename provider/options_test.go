package provider_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// olderOptions are those that there were before tests/README.md was.
var olderOptions = map[string][]string{
	"ModelService": {
		"allowAnonymous", "annotations", "backends", "backends.endpoint", "backends.endpoints", "backends.weight", "gateway", "hostnames", "labels", "name", "namespace",
		"path", "skipAwait",
	},
	"ModelCallers": {"annotations", "labels", "name", "namespace"},
	// Its policy is that of a ModelService.
	"ModelCatalog": {
		"allowAnonymous", "annotations", "gateway", "hostnames", "labels", "name", "namespace", "path", "skipAwait",
		"auth.basic", "auth.basic.secretName", "auth.forward", "auth.forward.responseHeaders", "auth.forward.url", "cors.allowCredentials", "cors.allowHeaders",
		"cors.allowMethods", "cors.allowOrigins", "cors.exposeHeaders", "cors.maxAge", "limits.inFlight", "limits.inFlight.by", "limits.inFlight.header",
		"limits.inFlight.requests", "limits.maxBodyBytes", "limits.requests", "limits.requests.by", "limits.requests.header", "limits.requests.requests",
		"limits.requests.seconds",
	},
	"ModelGateway": {
		"allowAnyPath", "allowedNamespaces", "allowedNamespaces.from", "allowedNamespaces.matchLabels", "annotations", "chart", "chart.name", "chart.repository",
		"chart.traefikVersion", "chart.values", "chart.version", "createNamespace", "installCrds", "labels", "name", "namespace", "port", "publicUrl", "replicas",
		"service", "service.annotations", "service.loadBalancerClass", "service.loadBalancerSourceRanges", "service.type",
	},
}

// TestEveryOptionHasItsTests would catch an option that nothing proves, and a table of tests in which one is named that is not there.
func TestEveryOptionHasItsTests(t *testing.T) {
	text, err := os.ReadFile("../schema.json")
	require.NoError(t, err)
	var spec schema.PackageSpec
	require.NoError(t, json.Unmarshal(text, &spec))
	table, err := os.ReadFile("../tests/README.md")
	require.NoError(t, err)
	for component := range olderOptions {
		_, rows, _ := strings.Cut(string(table), "\n## "+component+"\n")
		rows, _, _ = strings.Cut(rows, "\n## ")
		options := map[string]bool{}
		var add func(prefix string, of map[string]schema.PropertySpec)
		add = func(prefix string, of map[string]schema.PropertySpec) {
			for name, p := range of {
				options[prefix+name] = true
				kind := &p.TypeSpec
				for kind.Items != nil {
					kind = kind.Items
				}
				// What other components give has its tests there.
				if !slices.Contains([]string{"BackendReference", "CallersReference", "GatewayReference", "ServiceReference"}, kind.Ref[strings.LastIndex(kind.Ref, ":")+1:]) {
					add(prefix+name+".", spec.Types[strings.TrimPrefix(kind.Ref, "#/types/")].Properties)
				}
			}
		}
		add("", spec.Resources["modelplane:index:"+component].InputProperties)
		require.NotEmpty(t, options, component)
		for _, option := range olderOptions[component] {
			assert.True(t, options[option], "%s has no option %s; take it out of olderOptions", component, option)
			delete(options, option)
		}
		for _, row := range strings.Split(rows, "\n") {
			cells := strings.Split(row, " | ")
			if !strings.HasPrefix(row, "| `") {
				continue
			}
			require.Len(t, cells, 3, row)
			for _, option := range quoted(cells[0]) {
				assert.True(t, options[option], "%s has no option %s, or a row before has it", component, option)
				delete(options, option)
			}
			for i, cell := range cells[1:] {
				assert.True(t, len(quoted(cell)) > 0 || i == 1 && strings.HasPrefix(cell, "the same"), "no test: %s", row)
				for _, name := range quoted(cell) {
					assert.True(t, hasTest(t, name), "there is no test %s", name)
				}
			}
		}
		for option := range options {
			assert.Fail(t, "nothing proves "+option+" of "+component+"; write a row into tests/README.md")
		}
	}
}

var inQuotes = regexp.MustCompile("`([^`]+)`")

func quoted(text string) []string {
	var all []string
	for _, found := range inQuotes.FindAllStringSubmatch(text, -1) {
		all = append(all, found[1])
	}
	return all
}

// hasTest says whether there is a test of this name, with the part that follows a slash as it is written in the source.
func hasTest(t *testing.T, name string) bool {
	name, part, _ := strings.Cut(name, "/")
	return slices.ContainsFunc(testFiles(t, ".."), func(folder string) bool {
		return strings.Contains(folder, "\nfunc "+name+"(t *testing.T)") && (part == "" || strings.Contains(folder, `"`+part+`"`))
	})
}

var tested []string

// testFiles are the sources of the tests of each folder, as one text.
func testFiles(t *testing.T, root string) []string {
	if tested != nil {
		return tested
	}
	folders := map[string]string{}
	for _, top := range []string{"plugin", "provider", "tests"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, top), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			folders[filepath.Dir(path)] += string(text)
			return err
		}))
	}
	for _, text := range folders {
		tested = append(tested, text)
	}
	return tested
}
