// Package programs holds the programs in the descriptions of the components: a folder for each, with the same program in every
// language. Pulumi's Registry shows them all, and each language's SDK its own. A test previews them as they are in the schema.
package programs

import (
	"embed"
	"strings"
)

//go:embed */*
var files embed.FS

// languages are in the order in which the Registry shows them.
var languages = []struct{ name, file string }{
	{"typescript", "index.ts"},
	{"python", "__main__.py"},
	{"go", "main.go"},
	{"yaml", "Main.yaml"},
}

// constraint keeps an example out of this module, which does not have the SDK.
const constraint = "//go:build ignore\n\n"

// Of is what a component's description ends with: its example, in the form that Pulumi's Registry and generators read.
func Of(component, title string) string {
	var text strings.Builder
	// The heading is part of the example, so that it goes with it from the SDKs of languages without one.
	text.WriteString("\n\n{{% examples %}}\n{{% example %}}\n## Example Usage\n\n### " + title + "\n\n")
	for _, language := range languages {
		program, err := files.ReadFile(component + "/" + language.file)
		if err != nil {
			panic(err) // it is embedded
		}
		text.WriteString("```" + language.name + "\n" + strings.TrimPrefix(string(program), constraint) + "```\n\n")
	}
	text.WriteString("{{% /example %}}\n{{% /examples %}}")
	return text.String()
}
