package fault

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Catches paths that a user could not find in the program, or that Pulumi reads as others.
func TestPathsAreWrittenAsProgramsWriteThem(t *testing.T) {
	for want, got := range map[string]string{
		`url`:                        Key("", "url"),
		`tls.serverName`:             Key("tls", "serverName"),
		`labels.example/tier`:        Key("labels", "example/tier"),
		`labels["example.com/tier"]`: Key("labels", "example.com/tier"),
		`labels["a b"]`:              Key("labels", "a b"),
		`labels["a[0]"]`:             Key("labels", "a[0]"),
		`labels["a\"b"]`:             Key("labels", `a"b`),
		`labels[""]`:                 Key("labels", ""),
		`["tls.serverName"]`:         Key("", "tls.serverName"),
		`urls[0]`:                    Index("urls", 0),
		`backends[1].endpoints[2]`:   Index(Key(Index("backends", 1), "endpoints"), 2),
	} {
		assert.Equal(t, want, got)
	}
}

// Catches a property that is taken for another whose name it starts with.
func TestAPropertyLiesWithinItselfAndWhatHoldsIt(t *testing.T) {
	for _, path := range []string{"backends", "backends[1]", "backends[1].weight"} {
		assert.True(t, Within("backends[1].weight", path), path)
	}
	for _, path := range []string{"backend", "backends[1].weigh", "backends[1].weight.x", "backends[10]", "weight"} {
		assert.False(t, Within("backends[1].weight", path), path)
	}
	assert.False(t, Within("urls", "url"))
	assert.False(t, Within("backends[10].weight", "backends[1]"))
}

// Catches a fault that is raised while what it depends on is unknown, and one that is lost because something else is.
func TestOnlyFaultsThatDependOnWhatIsKnownAreKnown(t *testing.T) {
	var faults List
	faults.Addf("backends[0].weight", "%d is below 0", -1)
	faults.Addf("backends[1].weight", "%d is below 0", -2)
	faults.Add("protocol", "is h2c", "url", "urls")

	assert.Equal(t, faults, faults.Known(nil))
	assert.Equal(t, faults, faults.Known([]string{"backends[2]", "url2", "backends[1].endpoint"}))
	assert.Equal(t, faults[1:], faults.Known([]string{"backends[0]"}), "what holds the value is unknown")
	assert.Equal(t, faults[2:], faults.Known([]string{"backends"}))
	assert.Equal(t, faults[:2], faults.Known([]string{"urls[3]"}), "a part of what it depends on is unknown")
	assert.Equal(t, faults[:2], faults.Known([]string{"protocol"}))
}

// Catches a fault that is left out of the error, and an error where there is no fault.
func TestTheErrorTellsEveryFaultWithItsPath(t *testing.T) {
	var faults List
	faults.AddErr("url", nil)
	assert.NoError(t, faults.Err())
	faults.AddErr("url", errors.New("has no host"))
	faults.Addf("port", "%d is outside 1 to 65535", 0)
	assert.EqualError(t, faults.Err(), "url: has no host\nport: 0 is outside 1 to 65535")
}
