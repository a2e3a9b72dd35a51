package input

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	pulumierrors "github.com/pulumi/pulumi/sdk/v3/go/pulumi/errors"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
)

// longestShown is the length of a text up to which a refusal shows it.
const longestShown = 100

// refuse makes one error of all faults, a line each: the path, what is wrong, and the value. The error carries none of them as
// details: beside a detail's path the engine prints the value whatever it is, be it a secret or a password in a URL.
func refuse(s shape, inputs property.Map, faults fault.List) error {
	lines := make([]error, len(faults))
	for i, f := range faults {
		line := fmt.Sprintf("%s: %s", f.Path, f.Message)
		if value := show(s, inputs, f.Path); value != "" && !strings.Contains(f.Message, value) {
			line += fmt.Sprintf(" (given: %s)", value)
		}
		lines[i] = errors.New(line)
	}
	return rpcerror.WrapDetailedError(pulumierrors.NewInputPropertiesError(errors.Join(lines...).Error()))
}

// openTexts are the properties whose texts are names, paths and the like. Anywhere else a program may hold a key by mistake,
// in a header or in a URL, and its text is not shown.
var openTexts = []string{
	"name", "namespace", "protocol", "hostHeader", "rewritePath", "tls.serverName", "apiKeyScheme", "hostnames", "path",
	"gateway.name", "gateway.namespace", "gateway.listener", "gateway.url",
	"service.type", "service.loadBalancerClass", "service.loadBalancerSourceRanges",
}

// openNumbers are the properties whose numbers are shown. A number in a header, say, may be a key.
var openNumbers = []string{"replicas", "port", "weight"}

// show is the value at path as a program would write it; empty where there is none, where it is more than one short line,
// and where it is or may hold a secret.
func show(s shape, inputs property.Map, at string) string {
	var path property.Path
	if err := path.UnmarshalText([]byte(at)); err != nil {
		return ""
	}
	value, failure := path.Get(property.New(inputs))
	input, _, _ := strings.Cut(at, ".")
	switch {
	case failure != nil || value.HasSecrets() || s.root.Properties[input].Secret:
		return ""
	case value.IsString():
		isOpen := slices.ContainsFunc(openTexts, func(open string) bool { return fault.Within(at, open) })
		if text := value.AsString(); isOpen && len(text) <= longestShown && !strings.ContainsAny(text, "@?#\n") {
			return fmt.Sprintf("%q", text)
		}
	case value.IsNumber() && slices.Contains(openNumbers, at[strings.LastIndex(at, ".")+1:]):
		return strconv.FormatFloat(value.AsNumber(), 'f', -1, 64)
	case value.IsBool():
		return fmt.Sprint(value.AsBool())
	}
	return ""
}
