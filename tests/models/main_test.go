// Package models holds a gateway to what it promises of models: each server is asked by its own name for one, and one URL serves all of them. It does so
// with the real Pulumi engine, API server and Traefik, and with servers that refuse any other name, path and key than theirs.
package models

import (
	"testing"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }
