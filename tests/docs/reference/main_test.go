// Package reference holds the pages that are no guides to what they say.
package reference

import (
	"testing"

	"github.com/modelplane/pulumi-modelplane/tests/docs"
	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

func TestWhatTheDocsSayIsSo(t *testing.T) {
	docs.Hold(t, func(page string) bool { return !docs.Guide(page) })
}
