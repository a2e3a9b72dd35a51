package plugin

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

const (
	// Name is what the plugin is called in Traefik's configuration and under spec.plugin of a Middleware.
	Name = "modelplane"
	// Version is that of what a Middleware may say to the plugin.
	Version = "1"
	// ModuleName is the Go module that Traefik takes the plugin's files for. It looks for them in
	// plugins-local/src/<ModuleName> under its working directory.
	ModuleName = "github.com/modelplane/pulumi-modelplane/plugin"
)

// goMod makes the files a separate module for Traefik. In this repository they are a package like any other, so
// it is not kept as a go.mod file, which would split them off.
const goMod = "module " + ModuleName + "\n\ngo 1.22\n"

//go:embed .traefik.yml address.go affinity.go answer.go ask.go attempts.go backend.go body.go caller.go callers.go catalog.go change.go check.go count.go fallback.go front.go guard.go health.go inner.go key.go limit.go listing.go memory.go mirror.go model.go path.go pick.go plugin.go reading.go redis.go refuse.go report.go share.go spend.go tally.go tokens.go usage.go within.go
var sources embed.FS

// Files are the plugin's files by name, as Traefik wants them in one folder.
func Files() map[string]string {
	files := map[string]string{"go.mod": goMod}
	entries, err := sources.ReadDir(".")
	if err != nil {
		panic(err) // an embedded folder always reads
	}
	for _, entry := range entries {
		content, err := sources.ReadFile(entry.Name())
		if err != nil {
			panic(err)
		}
		files[entry.Name()] = string(content)
	}
	return files
}

// Hash tells one version of the plugin's files from another.
func Hash() string {
	files, hash := Files(), sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(hash, "%s %d\n%s", name, len(files[name]), files[name])
	}
	return hex.EncodeToString(hash.Sum(nil))[:16]
}
