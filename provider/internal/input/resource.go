package input

import (
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// Read makes A of the inputs of a custom resource, as far as they are known, and says whether all of them are. It refuses what the
// schema refuses.
func Read[A any](spec schema.PackageSpec, token string, inputs property.Map) (known A, complete bool, err error) {
	args, faults := read[A](shapeOf(spec, token), inputs)
	if len(faults) > 0 {
		return known, false, refuse(args.shape, inputs, faults)
	}
	return args.known, len(args.unknown) == 0, nil
}
