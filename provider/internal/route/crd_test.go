package route

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"
)

// Catches a route that the API server refuses, and one that it stores otherwise
// than it was sent: a default left out or a field it does not know shows as a
// difference at every later apply. The standard HTTPRoute CRD does with each
// route of testdata what the API server does: fill in, prune, validate.
func TestTheAPIServerTakesEveryRouteAsItIs(t *testing.T) {
	crd := loadHTTPRouteCRD(t)
	for name, in := range goldenCases(t) {
		t.Run(name, func(t *testing.T) {
			assert.Empty(t, crd.validate(sent(t, in)))
			assert.Equal(t, sent(t, in), crd.stored(sent(t, in)))
		})
	}
}

// Catches a combination that no case of testdata has: rules of the CRD apply to
// some numbers of backends and filters only, and cost more the longer a route is.
func TestTheAPIServerTakesAnyRouteWithinTheLimits(t *testing.T) {
	crd := loadHTTPRouteCRD(t)
	rapid.Check(t, func(rt *rapid.T) {
		in := routes.Draw(rt, "route")
		require.Empty(rt, crd.validate(sent(rt, in)))
		require.Equal(rt, sent(rt, in), crd.stored(sent(rt, in)))
	})
}

// Catches a validator above that accepts everything: it must refuse by pattern,
// by number, by list key and by CEL.
func TestTheAPIServerRefusesWhatItShould(t *testing.T) {
	crd := loadHTTPRouteCRD(t)
	for want, spoil := range map[string]func(*Route){
		"spec.hostnames[0]: Invalid value":                               func(r *Route) { r.Hostnames = []string{"10.0.0.7:80"} },
		"should be less than or equal to 1000000":                        func(r *Route) { r.Backends[0].Weight = 1_000_001 },
		"filters[0].requestHeaderModifier.remove[1]: Duplicate value":    func(r *Route) { r.Backends[0].RemoveHeaders = []string{"Cookie", "Cookie"} },
		"must not contain '//' when type one of ['Exact', 'PathPrefix']": func(r *Route) { r.Path = "/default//v1" },
		"must have at most 16 items":                                     func(r *Route) { r.Backends = make([]Backend, MaxBackends+1) },
	} {
		in := goldenCases(t)["headers"]
		in.Backends[0].ForwardAuthorization = true
		spoil(&in)
		assert.Contains(t, crd.validate(sent(t, in)), want)
	}
}

// sent is the HTTPRoute as it goes to the API server.
func sent(t require.TestingT, in Route) map[string]any {
	spec, err := Object(Build(in))
	require.NoError(t, err)
	return map[string]any{
		"apiVersion": "gateway.networking.k8s.io/v1",
		"kind":       "HTTPRoute",
		"metadata":   map[string]any{"name": "chat", "namespace": "default"},
		"spec":       spec,
	}
}

// Generators of anything that fits the limits this package names.
var (
	names   = rapid.StringMatching(`[a-z]([-a-z0-9]{0,20}[a-z0-9])?`)
	hosts   = rapid.StringMatching(`[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?(\.[a-z]{2,10}){1,3}`)
	headers = rapid.StringMatching(`[A-Za-z0-9!#$%&'*+\-.^_|~]{2,30}`)
	paths   = rapid.StringMatching(`(/[-A-Za-z0-9_~$&+,;=:@]{1,120}){0,8}`)
	routes  = rapid.Custom(func(t *rapid.T) Route {
		return Route{
			Gateway:   ParentRef{names.Draw(t, "gateway"), names.Draw(t, "namespace"), rapid.OneOf(names, rapid.Just("")).Draw(t, "listener")},
			Hostnames: rapid.SliceOfN(hosts, 0, MaxHostnames).Draw(t, "hostnames"),
			Path:      paths.Draw(t, "path"),
			Backends:  rapid.SliceOfN(backends, 1, MaxBackends).Draw(t, "backends"),
		}
	})
	backends = rapid.Custom(func(t *rapid.T) Backend {
		forward := rapid.Bool().Draw(t, "forward")
		removed := MaxHeaders
		if !forward {
			removed--
		}
		return Backend{
			Service:              names.Draw(t, "service"),
			Namespace:            names.Draw(t, "namespace"),
			Port:                 rapid.Int32Range(1, 65535).Draw(t, "port"),
			BasePath:             paths.Draw(t, "base path"),
			HostHeader:           rapid.OneOf(hosts, rapid.Just("")).Draw(t, "host header"),
			SetHeaders:           rapid.MapOfN(headers, rapid.StringN(1, 200, 1000), 0, MaxHeaders).Draw(t, "set"),
			RemoveHeaders:        rapid.SliceOfNDistinct(headers, 0, removed, rapid.ID).Draw(t, "remove"),
			ForwardAuthorization: forward,
			KeyMiddleware:        rapid.OneOf(names, rapid.Just("")).Draw(t, "middleware"),
			Weight:               rapid.Int32Range(0, 1_000_000).Draw(t, "weight"),
		}
	})
)

// httpRouteCRD is one version of the CRD in the forms that the API server uses.
type httpRouteCRD struct {
	structural *schema.Structural
	openAPI    validation.SchemaValidator
	rules      *cel.Validator
}

func loadHTTPRouteCRD(t *testing.T) httpRouteCRD {
	t.Helper()
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api").Output()
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(module)), "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml"))
	require.NoError(t, err)
	var manifest apiextensionsv1.CustomResourceDefinition
	require.NoError(t, yaml.Unmarshal(text, &manifest))
	require.Equal(t, "v1", manifest.Spec.Versions[0].Name)

	var props apiextensions.JSONSchemaProps
	require.NoError(t, apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(
		manifest.Spec.Versions[0].Schema.OpenAPIV3Schema, &props, nil))
	structural, err := schema.NewStructural(&props)
	require.NoError(t, err)
	openAPI, _, err := validation.NewSchemaValidator(&props)
	require.NoError(t, err)
	return httpRouteCRD{structural, openAPI, cel.NewValidator(structural, true, celconfig.PerCallLimit)}
}

// validate gives the API server's complaints, one a line.
func (c httpRouteCRD) validate(object map[string]any) string {
	faults := validation.ValidateCustomResource(nil, object, c.openAPI)
	faults = append(faults, listtype.ValidateListSetsAndMaps(nil, c.structural, object)...)
	broken, _ := c.rules.Validate(context.Background(), field.NewPath(""), c.structural, object, nil, celconfig.RuntimeCELCostBudget)
	var lines []string
	for _, fault := range append(faults, broken...) {
		lines = append(lines, fault.Error())
	}
	return strings.Join(lines, "\n")
}

// stored is the object after the API server's defaults and pruning.
func (c httpRouteCRD) stored(object map[string]any) map[string]any {
	object = runtime.DeepCopyJSON(object)
	defaulting.Default(object, c.structural)
	pruning.Prune(object, c.structural, true)
	return object
}
