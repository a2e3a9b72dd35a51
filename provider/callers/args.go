package callers

import (
	"github.com/pulumi/pulumi-go-provider/infer"

	"github.com/modelplane/pulumi-modelplane/provider/internal/meta"
)

// Args are the inputs of [ModelCallers], in the parts that become known together.
type Args struct {
	Keyring
	meta.Identity
	meta.Metadata
}

// Annotate describes the inputs for the schema.
func (a *Args) Annotate(at infer.Annotator) {
	at.Describe(&a.Name, "The name of the callers' objects. Up to 54 characters (RFC 1035). Default: the Pulumi name.")
	at.Describe(&a.Namespace, "The namespace of the callers' objects: that of the services that they may call. It must exist. Default: `default`.")
	at.SetDefault(&a.Namespace, meta.DefaultNamespace)
	at.Describe(&a.Labels, "Labels for all objects of the callers.")
	at.Describe(&a.Annotations, "Annotations for all objects of the callers.")
}

// Keyring is who may call, with which keys.
type Keyring struct {
	Keys []Key `pulumi:"keys" provider:"secret"`
}

// Annotate describes the input for the schema.
func (k *Keyring) Annotate(at infer.Annotator) {
	at.Describe(&k.Keys, "The callers' keys. One caller may have several, such as an old and a new one. An empty list lets nobody in. What the "+
		"cluster has of them takes 1 MiB at most: some 20,000 keys.")
}

// Key is one key of a caller.
type Key struct {
	Name    string  `pulumi:"name"`
	Key     *string `pulumi:"key,optional"`
	SHA256  *string `pulumi:"sha256,optional"`
	Expires *string `pulumi:"expires,optional"`
	// Models is a pointer, since no model is not the same as all of them.
	Models            *[]string `pulumi:"models,optional"`
	RequestsPerMinute *int      `pulumi:"requestsPerMinute,optional"`
}

// Annotate describes the type for the schema.
func (k *Key) Annotate(at infer.Annotator) {
	at.SetToken("index", "CallerKey")
	at.Describe(k, "One key of a caller.")
	at.Describe(&k.Name, "The caller's name, which limits count by and logs show: up to 63 letters, digits, dots, hyphens, underscores and @, "+
		"with a letter or digit first.")
	at.Describe(&k.Key, "The key: at least 16 characters without spaces, drawn at random. Only its SHA-256 reaches the cluster, but Pulumi's state "+
		"has it, encrypted. Give either `key` or `sha256`.")
	at.Describe(&k.SHA256, "The key's SHA-256 as 64 hexadecimal digits (`printf %s \"$KEY\" | sha256sum`), so that the key itself is not in "+
		"Pulumi's state.")
	at.Describe(&k.Expires, "When the key ends, as a time of RFC 3339 such as `2027-01-31T00:00:00Z`. The gateway's own clock decides. Default: never.")
	at.Describe(&k.Models, "The models that the key may ask for, up to 50, by their names in a ModelCatalog; one that ends with `*` is all names that begin like this. Other "+
		"models look to its caller as if they were not there. Such a key opens no WebSockets, and is refused with 403 at the URL of a service with the same `auth`, "+
		"which does not tell models apart. It holds for the model that a body or query names, and not for others that a server may take from elsewhere, as OpenRouter does "+
		"from `models`. Default: all.")
	at.Describe(&k.RequestsPerMinute, "How many requests a minute its caller may send with it, at all services and catalogs together that ask these callers for keys: 1 to 1,000,000; more gets 429 with "+
		"Retry-After. All keys of a caller count for one number. Each replica of the gateway counts for itself. Default: any number.")
}
