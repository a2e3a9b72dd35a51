package names

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Catches a name that the API server would refuse after others were made, and one refused that it would take.
func TestNamesAreWhatKubernetesTakes(t *testing.T) {
	object := func(name string) error { return Object(name, MaxLabel) }
	for _, c := range []struct {
		rule     func(string) error
		accepted []string
		refused  []string
	}{
		{
			object,
			[]string{"a", "llama-70b", strings.Repeat("a", 63)},
			[]string{"", "70b", "-a", "a-", "A", "a.b", "a_b", "ä", strings.Repeat("a", 64)},
		},
		{
			Existing,
			[]string{"a", "70b", "a.b", "llama-70b.example", strings.Repeat("a", 253)},
			[]string{"", "-a", "a-", "a..b", "A", "a_b", strings.Repeat("a", 254)},
		},
		{
			Namespace,
			[]string{"default", "70b", strings.Repeat("a", 63)},
			[]string{"", "a.b", "A", "-a", strings.Repeat("a", 64)},
		},
	} {
		for _, name := range c.accepted {
			assert.NoError(t, c.rule(name), name)
		}
		for _, name := range c.refused {
			assert.Error(t, c.rule(name), name)
		}
	}
}

// Catches a name that leaves no room for what auto-naming or Helm appends to it: too long is refused, never cut.
func TestNamesLeaveRoomForTheirSuffixes(t *testing.T) {
	assert.NoError(t, Object(strings.Repeat("a", 54), MaxLabel-SuffixRoom))
	assert.EqualError(t, Object("llama", 4), `"llama" has 5 characters; the objects named after it leave room for 4`)
	assert.Error(t, Object(strings.Repeat("a", 54), MaxRelease))
}

// Catches metadata of the user's that would take the place of ours, or that the API server refuses.
func TestMetadataIsTheUsersOwn(t *testing.T) {
	assert.Empty(t, Metadata(
		map[string]string{"tier": "", "example.com/tier": "A_1.b", "app.kubernetes.io/part-of": "x"},
		map[string]string{"Note": "any\ntext", "example.com/owner": ""},
	))
	faults := Metadata(
		map[string]string{"modelplane/hash": "x", "app.kubernetes.io/name": "x", "app.kubernetes.io/managed-by": "x", "kubernetes.io/service-name": "x"},
		map[string]string{"modelplane/hash": "x", "/": "x"},
	)
	var paths []string
	for _, f := range faults {
		paths = append(paths, f.Path)
	}
	assert.Equal(t, []string{
		`labels["app.kubernetes.io/managed-by"]`, `labels["app.kubernetes.io/name"]`, `labels["kubernetes.io/service-name"]`, "labels.modelplane/hash",
		"annotations./", "annotations.modelplane/hash",
	}, paths)
}

// Catches two components of one stack whose auto-named objects are one resource to Pulumi, also where a name and a namespace run
// into one another, and a name that Kubernetes refuses, which the Pulumi name alone may be.
func TestTheNamesOfChildrenTellComponentsApart(t *testing.T) {
	assert.Equal(t, "gw", Child("gw", "gw"))
	seen := map[string]bool{"edge": true}
	for _, parts := range [][]string{
		{"edgeGateway"}, {"edge-eu"}, {"edge_us"}, {"Edge"}, {"edge.eu"}, {"edge", "eu"}, {"edge", "eu-prod"}, {"edge-eu", "prod"},
	} {
		child := Child("edge", parts[0], parts[1:]...)
		assert.NoError(t, Object(child, Room("edge", "")+7), child)
		assert.False(t, seen[child], child)
		seen[child] = true
	}
}
