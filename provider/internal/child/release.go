package child

import (
	"fmt"
	"strings"

	"github.com/modelplane/pulumi-modelplane/provider/internal/helm"
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// revisionAnnotation is on objects of a Helm release that are waited for.
const revisionAnnotation = "modelplane/revision"

// Release is a Helm release without CRDs. It is not waited for: Helm would tell no more than that time ran out. [Rollout] waits for it
// instead.
func Release(key string, name, namespace Field, chart value.Value[helm.Chart], values Field, after ...string) Child {
	c := WholeRelease(key, name, namespace, chart, values, after...)
	c.Fields["skipCrds"], c.Fields["skipAwait"] = Fixed(true), Fixed(true)
	return c
}

// WholeRelease is a Helm release with its CRDs, which Helm waits for. Of the chart, only the values may be secret.
func WholeRelease(key string, name, namespace Field, chart value.Value[helm.Chart], values Field, after ...string) Child {
	return Child{
		Key: key, Kind: kube.Release, After: after, Name: name,
		Fields: Fields{
			"name":           name,
			"namespace":      namespace,
			"chart":          Open(From(chart, func(c helm.Chart) string { return c.Name })),
			"version":        Open(From(chart, func(c helm.Chart) string { return c.Version })),
			"repositoryOpts": Open(From(chart, helm.Chart.RepositoryOpts)),
			"values":         values,
		},
	}
}

// Rollout is a patch that changes nothing which the Pods of a release's Deployment read. It waits until this revision of the release runs.
// Pulumi then says which Pod fails, and why.
func Rollout(key, release string, deployment Field, timeout string) Child {
	return Child{
		Key: key, Kind: kube.DeploymentPatch, After: []string{release}, Name: deployment, Bare: true, Keep: true, Timeout: timeout,
		Annotations: FromSiblings(value.Known(release), Revision),
	}
}

// Revision are annotations that change with each revision of a Helm release. A patch that has them is made, and waited for, again.
func Revision(release string, siblings Siblings) map[string]string {
	return map[string]string{revisionAnnotation: siblings[release].Revision}
}

// AdviseOnRelease says who owns the Helm release that exists already. What is the component in a sentence, such as gateway.
func AdviseOnRelease(namespace, name, what, failure string) string {
	if !strings.Contains(failure, "cannot re-use a name") {
		return ""
	}
	return fmt.Sprintf("The namespace %[1]s has a Helm release %[2]s already, most likely of a %[3]s of another stack or program, and it "+
		"was left as it is. Choose another name or namespace for this %[3]s, or destroy the other one first. If it is this "+
		"stack's own and the stack's state was lost, run helm uninstall -n %[1]s %[2]s first.", namespace, name, what)
}
