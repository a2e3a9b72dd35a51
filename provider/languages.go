package provider

// readme is the front page of the packages for npm and PyPI.
const readme = `# Modelplane for Pulumi

One OpenAI-compatible URL in front of many model servers: your own replicas on several clusters and providers of models, each
with its own host, path, TLS and API key, split by weight.

Guides, examples and each component's page are at https://github.com/modelplane/pulumi-modelplane.
`

// languages is what the generators of the SDKs are told: how the package is called where each language's users look for it.
// What they take is documented at https://www.pulumi.com/docs/iac/extending-pulumi/schema/#language-specific-extensions.
var languages = map[string]any{
	"go": map[string]any{
		"importBasePath":                 "github.com/modelplane/pulumi-modelplane/sdk/go/modelplane",
		"generateResourceContainerTypes": true,
		"respectSchemaVersion":           true,
	},
	"nodejs": map[string]any{
		"packageName":          "@modelplane/pulumi-modelplane",
		"readme":               readme,
		"packageDescription":   "One OpenAI-compatible URL in front of many model servers, with Pulumi and Kubernetes.",
		"respectSchemaVersion": true,
	},
	"python": map[string]any{
		"packageName":          "pulumi_modelplane",
		"readme":               readme,
		"pyproject":            map[string]any{"enabled": true},
		"respectSchemaVersion": true,
	},
	"csharp": map[string]any{
		// Modelplane.Modelplane would be the namespace with a root of our own.
		"rootNamespace":        "Pulumi",
		"packageReferences":    map[string]string{"Pulumi": "3.*"},
		"respectSchemaVersion": true,
	},
	"java": map[string]any{
		"basePackage":  "com.modelplane",
		"buildFiles":   "gradle",
		"dependencies": map[string]string{"com.pulumi:pulumi": "1.0.0"},
	},
}
