package provider_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestNoOutputHoldsAnEnum would catch an output that no program in YAML can hand on: Pulumi's YAML does not assign an output's enum to an
// input of the same type.
func TestNoOutputHoldsAnEnum(t *testing.T) {
	text, err := os.ReadFile("../schema.json")
	require.NoError(t, err)
	var spec schema.PackageSpec
	require.NoError(t, json.Unmarshal(text, &spec))
	seen := map[string]bool{}
	var visit func(from string, properties map[string]schema.PropertySpec)
	follow := func(from string, of *schema.TypeSpec) {
		name, found := strings.CutPrefix(of.Ref, "#/types/")
		if !found || seen[name] {
			return
		}
		seen[name] = true
		assert.Empty(t, spec.Types[name].Enum, "%s is an enum; write a string", from)
		visit(from, spec.Types[name].Properties)
	}
	visit = func(from string, properties map[string]schema.PropertySpec) {
		for name, property := range properties {
			for of := &property.TypeSpec; of != nil; {
				follow(from+"."+name, of)
				if of.Items != nil {
					of = of.Items
				} else {
					of = of.AdditionalProperties
				}
			}
		}
	}
	for token, resource := range spec.Resources {
		visit(token, resource.Properties)
	}
	assert.True(t, seen["modelplane:index:ClusterReference"])
}
