package meta

import (
	"cmp"
	"fmt"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
)

// ownPrefix makes the namespace that a component has to itself of the component's name.
const ownPrefix = "modelplane-"

// OrOwn fills in what is not given. The default namespace is the component's own.
func (i Identity) OrOwn(name string) Identity { return i.Or(name, ownPrefix+cmp.Or(i.Name, name)) }

// CheckOwn finds the faults of a component with a Helm release and, by default, a namespace of its own, which adds a limit to the name.
func (i Identity) CheckOwn(name string, faults *fault.List) {
	objectName := cmp.Or(i.Name, name)
	if room := names.MaxLabel - len(ownPrefix); i.Namespace == "" && len(objectName) > room {
		faults.Add("name", fmt.Sprintf("%q has %d characters; the default namespace, %s<name>, leaves room for %d; with a namespace "+
			"of your own, set in namespace, there is room for %d", objectName, len(objectName), ownPrefix, room, names.MaxRelease), "namespace")
	} else {
		faults.AddErr("name", names.Object(objectName, names.MaxRelease))
	}
	if i.Namespace != "" {
		faults.AddErr("namespace", names.Namespace(i.Namespace))
	}
}
