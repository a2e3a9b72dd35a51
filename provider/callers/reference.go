package callers

import (
	"github.com/pulumi/pulumi-go-provider/infer"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
)

// Reference is callers as a service takes them.
type Reference struct {
	Middleware string `pulumi:"middleware"`
	Namespace  string `pulumi:"namespace"`
}

// Annotate describes the type for the schema.
func (r *Reference) Annotate(at infer.Annotator) {
	at.SetToken("index", "CallersReference")
	at.Describe(r, "Callers as a service takes them: the output `callers` of a ModelCallers.")
	at.Describe(&r.Middleware, "The Traefik Middleware that asks for the callers' keys.")
	at.Describe(&r.Namespace, "The Middleware's namespace. Only services of that namespace can use it.")
}

// Check finds the faults of a reference at path that may have been written by hand.
func (r Reference) Check(path string, faults *fault.List) {
	faults.AddErr(path+".middleware", names.Existing(r.Middleware))
	faults.AddErr(path+".namespace", names.Namespace(r.Namespace))
}
