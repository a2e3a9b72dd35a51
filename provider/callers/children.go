package callers

import (
	"encoding/base64"
	"fmt"

	"github.com/modelplane/pulumi-modelplane/plugin"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// The keys of the callers' children.
const (
	secretKey     = "secret"
	middlewareKey = "middleware"
)

// entry is the entry of the Secret that holds the callers.
const entry = "callers"

// children are the objects that callers are made of. Other keys make a new Secret beside the old one. The Middleware, which services name, stays: it
// changes to the new Secret in one write, once all replicas of the gateway have seen that.
func children(in Inputs, lines value.Value[string]) []child.Child {
	return []child.Child{
		{
			Key: secretKey, Kind: kube.Secret,
			Fields: child.Fields{"data": child.From(lines, func(lines string) map[string]string {
				return map[string]string{entry: base64.StdEncoding.EncodeToString([]byte(lines))}
			})},
		},
		{
			Key: middlewareKey, Kind: kube.Middleware, Seen: []string{secretKey}, Owned: true,
			Name:   child.Fixed(in.Identity.Now().Name + "-callers"),
			Fields: child.Fields{"spec": child.FromNames(value.Known(plugin.Name), middleware)},
		},
	}
}

func middleware(name string, siblings child.Names) map[string]any {
	return map[string]any{"plugin": map[string]any{name: map[string]any{
		"callers": fmt.Sprintf("urn:k8s:secret:%s:%s", siblings[secretKey], entry),
	}}}
}
