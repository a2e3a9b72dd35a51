package input

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"github.com/stretchr/testify/assert"
)

// TestAutonamingThatLosesRequestsIsRefused would catch names with which Pulumi deletes an object before it creates the next
// one, names that Kubernetes does not take, and a setting refused that does neither or that is about other providers.
func TestAutonamingThatLosesRequestsIsRefused(t *testing.T) {
	for setting, want := range map[string]string{
		`{"mode":"default"}`:                                                "",
		`{"mode":"verbatim"}`:                                               "before it creates the next one",
		`{"mode":"disabled"}`:                                               "is disabled",
		`{"providers":{"kubernetes":{"mode":"verbatim"}}}`:                  "before it creates the next one",
		`{"providers":{"aws":{"mode":"verbatim"}}}`:                         "",
		`{"mode":"verbatim","providers":{"kubernetes":{"mode":"default"}}}`: "",
		`{"pattern":"${name}-${hex(8)}"}`:                                   "",
		`{"pattern":"${name}-${stack}"}`:                                    "before it creates the next one",
		`{"pattern":"a-very-long-prefix-of-every-name-in-the-company-${project}-${stack}-${name}-${hex(8)}"}`:       "characters",
		`{"pattern":"${organization}-${name}-${hex(8)}"}`:                                                           "",
		`{"pattern":"${name}_${hex(8)}"}`:                                                                           "not",
		`{"providers":{"kubernetes":{"resources":{"kubernetes:core/v1:Secret":{"mode":"verbatim"}}}}}`:              "(Secret)",
		`{"providers":{"kubernetes":{"resources":{"kubernetes:core/v1:Namespace":{"mode":"verbatim"}}}}}`:           "",
		`{"providers":{"kubernetes":{"resources":{"kubernetes:core/v1:Service":{"pattern":"${name}-${num(4)}"}}}}}`: "",
	} {
		component := urn.New("dev", "models", "", "modelplane:index:ModelEndpoint", "chatEndpoint")
		err := checkAutonaming(map[config.Key]string{config.MustParseKey("pulumi:autonaming"): setting}, component, "acme", "chat").Err()
		if want == "" {
			assert.NoError(t, err, setting)
		} else if assert.Error(t, err, setting) {
			assert.Contains(t, err.Error(), want, setting)
			assert.Contains(t, err.Error(), "mode: default under providers.kubernetes", setting)
		}
	}
	assert.Empty(t, checkAutonaming(nil, "urn:pulumi:dev::models::modelplane:index:ModelEndpoint::chat", "acme", "chat"))
}
