package amount_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/modelplane/pulumi-modelplane/provider/internal/amount"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
)

// TestResourcesThatNoPodCanHaveAreRefused would catch Pods that the API server refuses when the rest of a component exists already.
func TestResourcesThatNoPodCanHaveAreRefused(t *testing.T) {
	for want, r := range map[string]amount.Resources{
		`resources.requests.cpu: "many" is not a quantity; write one such as 500m, 8 or 64Gi`:          {Requests: map[string]string{"cpu": "many"}},
		`resources.limits.memory: "-1Gi" is not a quantity; write one such as 500m, 8 or 64Gi`:         {Limits: map[string]string{"memory": "-1Gi"}},
		`resources.limits.memory: "1e300000000" is not a quantity; write one such as 500m, 8 or 64Gi`:  {Limits: map[string]string{"memory": "1e300000000"}},
		`resources.requests.cpu: 2 is more than the limit of 1500m; write that much or less`:           {Requests: map[string]string{"cpu": "2"}, Limits: map[string]string{"cpu": "1500m"}},
		`resources.requests["nvidia.com/gpu"]: 2 is more than the limit of 1; write that much or less`: {Requests: map[string]string{"nvidia.com/gpu": "2"}, Limits: map[string]string{"nvidia.com/gpu": "1"}},
		`resources.requests.memory: 1025Mi is more than the limit of 1Gi; write that much or less`:     {Requests: map[string]string{"memory": "1025Mi"}, Limits: map[string]string{"memory": "1Gi"}},
	} {
		var faults fault.List
		r.Requirements("resources", &faults)
		assert.EqualError(t, faults.Err(), want)
	}
}

// TestResourcesArriveAsTheyAreGiven would catch a request that is refused although it is its limit, and a list that is made of nothing.
func TestResourcesArriveAsTheyAreGiven(t *testing.T) {
	var faults fault.List
	required := amount.Resources{
		Requests: map[string]string{"cpu": "1", "memory": "1Gi"}, Limits: map[string]string{"cpu": "1000m"},
	}.Requirements("resources", &faults)
	require.NoError(t, faults.Err())
	assert.Equal(t, "1", required.Requests.Cpu().String())
	assert.Equal(t, "1Gi", required.Requests.Memory().String())
	assert.Len(t, required.Limits, 1)
	assert.Nil(t, amount.Resources{}.Requirements("resources", &faults).Requests)
}
