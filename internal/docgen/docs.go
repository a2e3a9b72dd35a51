// Package docgen writes the part of the documentation that is made from other sources: the tables of each component's page
// from the schema, and the pictures from their descriptions.
package docgen

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// WriteTables brings the tables on each component's page below dir up to date with the package: what is between the
// comments "properties" and "/properties" of components/<name>.md, which must be there.
func WriteTables(dir string, spec schema.PackageSpec) error {
	for _, token := range slices.Sorted(maps.Keys(spec.Resources)) {
		if !spec.Resources[token].IsComponent {
			continue // only components make it
		}
		path := filepath.Join(dir, "components", page(token)+".md")
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		written, err := replace(string(text), tables(spec, token))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := os.WriteFile(path, []byte(written), 0o644); err != nil {
			return err
		}
	}
	return nil
}

const begin, end = "<!-- properties -->\n", "<!-- /properties -->\n"

// replace puts tables in the place of those that text has.
func replace(text, tables string) (string, error) {
	before, rest, found := strings.Cut(text, begin)
	_, after, ends := strings.Cut(rest, end)
	if !found || !ends {
		return "", fmt.Errorf("has no place for the tables; write %q and %q on lines of their own", strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return before + begin + "\n" + tables + end + after, nil
}

// page is the name of a component's page: model-gateway for modelplane:index:ModelGateway.
func page(token string) string {
	name := nameOf(token)
	return strings.ToLower(regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(name, "$1-$2"))
}

// tables are the inputs, the outputs, and the types that these are made of.
func tables(spec schema.PackageSpec, token string) string {
	resource := spec.Resources[token]
	var text strings.Builder
	text.WriteString("## Inputs\n\n" + table("Input", resource.InputProperties, resource.RequiredInputs))
	text.WriteString("## Outputs\n\n" + table("Output", resource.Properties, nil))
	types := map[string]bool{}
	collect(spec, resource.InputProperties, types)
	collect(spec, resource.Properties, types)
	if len(types) == 0 {
		return text.String()
	}
	text.WriteString("## Types\n\n")
	for _, name := range slices.Sorted(maps.Keys(types)) {
		text.WriteString(typeText(name, spec.Types[name]))
	}
	return text.String()
}

func typeText(token string, spec schema.ComplexTypeSpec) string {
	text := "### " + nameOf(token) + "\n\n"
	if spec.Description != "" {
		text += spec.Description + "\n\n"
	}
	if len(spec.Enum) == 0 {
		return text + table("Property", spec.Properties, spec.Required)
	}
	text += "| Value | |\n|---|---|\n"
	for _, value := range spec.Enum {
		text += fmt.Sprintf("| `%v` | %s |\n", value.Value, cell(value.Description))
	}
	return text + "\n"
}

func table(title string, properties map[string]schema.PropertySpec, required []string) string {
	text := "| " + title + " | Type | |\n|---|---|---|\n"
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		property := properties[name]
		var notes []string
		if slices.Contains(required, name) {
			notes = append(notes, "Required.")
		}
		if property.Secret {
			notes = append(notes, "Secret.")
		}
		if property.Plain {
			notes = append(notes, "Must be known in preview.")
		}
		notes = append(notes, cell(property.Description))
		text += fmt.Sprintf("| `%s` | %s | %s |\n", name, typeOf(property.TypeSpec), strings.Join(notes, " "))
	}
	return text + "\n"
}

// cell is a description as one cell of a table.
func cell(description string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(description), " "), "|", `\|`)
}

// typeOf is a type as a reader would call it, with a link to those of the package.
func typeOf(spec schema.TypeSpec) string {
	switch {
	case spec.Ref == "pulumi.json#/Any":
		return "any"
	case strings.HasPrefix(spec.Ref, "#/types/"):
		name := nameOf(spec.Ref)
		return fmt.Sprintf("[%s](#%s)", name, strings.ToLower(name))
	case spec.Items != nil:
		return "list of " + typeOf(*spec.Items)
	case spec.AdditionalProperties != nil:
		return "map of " + typeOf(*spec.AdditionalProperties)
	}
	return spec.Type
}

// collect notes the package's types that properties are made of, and those that these are made of.
func collect(spec schema.PackageSpec, properties map[string]schema.PropertySpec, types map[string]bool) {
	for _, property := range properties {
		t := &property.TypeSpec
		for t.Items != nil || t.AdditionalProperties != nil {
			if t.Items != nil {
				t = t.Items
			} else {
				t = t.AdditionalProperties
			}
		}
		token, ours := strings.CutPrefix(t.Ref, "#/types/")
		if ours && !types[token] {
			types[token] = true
			collect(spec, spec.Types[token].Properties, types)
		}
	}
}

func nameOf(token string) string { return token[strings.LastIndex(token, ":")+1:] }
