package target_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/modelplane/pulumi-modelplane/provider/internal/target"
)

// TestRangesAreWholeAndOfOneForm would catch a range of which Traefik and Kubernetes make different addresses.
func TestRangesAreWholeAndOfOneForm(t *testing.T) {
	for _, good := range []string{"10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "::1/128", "0.0.0.0/0", "::/0"} {
		ranged, err := target.ParseRange(good)
		assert.NoError(t, err, good)
		assert.Equal(t, good, ranged.String())
	}
	for _, bad := range []string{
		"", "10.0.0.1", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/08", "10.0.0/8", "2001:db8::1/32", "fe80::%eth0/64", "::ffff:10.0.0.0/104",
		" 10.0.0.0/8", "proxy/8", "10.0.0.0/8,192.0.2.0/24",
	} {
		_, err := target.ParseRange(bad)
		assert.ErrorContains(t, err, "such as 10.0.0.0/8", bad)
	}
}

// TestNobodyTrustsEverybody would catch a gateway whose clients may write any address they like.
func TestNobodyTrustsEverybody(t *testing.T) {
	for _, everybody := range []string{"0.0.0.0/0", "::/0"} {
		_, err := target.ParseProxies(everybody)
		assert.ErrorContains(t, err, "every address", everybody)
	}
	_, err := target.ParseProxies("0.0.0.0/1")
	assert.NoError(t, err)
	_, err = target.ParseProxies("10.0.0.1/8")
	assert.ErrorContains(t, err, "is not a range")
}
