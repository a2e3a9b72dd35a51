package plugin

import _ "embed"

const (
	// Name is what the plugin is called in Traefik's configuration and under spec.plugin of a Middleware.
	Name = "modelplane"
	// Version is that of what a Middleware may say to the plugin.
	Version = "1"
	// ModuleName is the Go module that Traefik takes the plugin's files for. It looks for them in
	// plugins-local/src/<ModuleName> under its working directory.
	ModuleName = "github.com/modelplane/pulumi-modelplane/plugin"
)

// goMod makes the files a module of their own for Traefik. In this repository they are a package like any other, so
// it is not kept as a go.mod file, which would split them off.
const goMod = "module " + ModuleName + "\n\ngo 1.22\n"

//go:embed plugin.go
var source string

//go:embed .traefik.yml
var manifest string

// Files are the plugin's files by name, as Traefik wants them in one folder.
func Files() map[string]string {
	return map[string]string{"plugin.go": source, "go.mod": goMod, ".traefik.yml": manifest}
}
