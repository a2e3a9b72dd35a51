package placement

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestTolerationsAreThoseOfKubernetes would catch a toleration that is wider or narrower than a Pod's: the same ones are written to
// the Pods.
func TestTolerationsAreThoseOfKubernetes(t *testing.T) {
	taint := Taint{Key: "gpu", Value: "h100", Effect: "NoSchedule"}
	for _, c := range []struct {
		toleration Toleration
		tolerates  bool
	}{
		{Toleration{Key: "gpu", Value: "h100"}, true},
		{Toleration{Key: "gpu", Operator: "Equal", Value: "h100", Effect: "NoSchedule"}, true},
		{Toleration{Key: "gpu", Operator: "Exists"}, true},
		{Toleration{Operator: "Exists"}, true},
		{Toleration{Operator: "Exists", Effect: "NoSchedule"}, true},
		{Toleration{Key: "gpu"}, false},
		{Toleration{Key: "gpu", Value: "a100"}, false},
		{Toleration{Key: "spot", Value: "h100"}, false},
		{Toleration{Key: "gpu", Value: "h100", Effect: "NoExecute"}, false},
		{Toleration{Operator: "Exists", Effect: "NoExecute"}, false},
	} {
		rules := Rules{Tolerations: []Toleration{{Key: "other"}, c.toleration}}
		got := len(rules.untolerated("", []Taint{taint}, taint.Effect)) == 0
		assert.Equal(t, c.tolerates, got, "%+v", c.toleration)
	}
}
