package gateway

import (
	"encoding/base64"
	"net/url"
	"regexp"

	"github.com/pulumi/pulumi-go-provider/infer"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/internal/chart"
	"github.com/modelplane/pulumi-modelplane/provider/internal/child"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/kube"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/value"
)

// Sharing says where replicas count together. It is a separate part, since the password is secret.
type Sharing struct {
	SharedLimits *SharedLimits `pulumi:"sharedLimits,optional"`
}

// Annotate describes the input for the schema.
func (s *Sharing) Annotate(at infer.Annotator) {
	at.Describe(&s.SharedLimits, "A Redis server in which all replicas add up the tokens that `limits.tokens` of services and catalogs count. Default: each replica counts for itself, and "+
		"forgets what it has counted when it ends.")
}

// SharedLimits are those that all replicas count for together.
type SharedLimits struct {
	URL      string  `pulumi:"url"`
	Password *string `pulumi:"password,optional" provider:"secret"`
}

// Annotate describes the type for the schema.
func (s *SharedLimits) Annotate(at infer.Annotator) {
	at.SetToken("index", "GatewaySharedLimits")
	at.Describe(s, "A Redis server in which all replicas add up what they count. They send and read counts every 200 ms in the background, so that no request waits for it. While it does not answer, each "+
		"replica counts for itself, says so in its log and in the figure `modelplane_shared_limits_up`, and sends later what it has counted.")
	at.Describe(&s.URL, "The server's URL: `redis://redis.default.svc:6379`, or `rediss://` for TLS with a certificate that the system's roots know; with a user if need be (`redis://user@host`), and the "+
		"number of a database as its path. The port's default is 6379. A single server: no cluster, no sentinels.")
	at.Describe(&s.Password, "The server's password. It is in a Secret, and in nothing else. Default: none.")
}

// sharedKey is the key of the Secret with the password.
const sharedKey = "shared limits"

// database is the number of a database as a URL's path.
var database = regexp.MustCompile(`^(/[0-9]{0,4})?$`)

func checkSharing(s *SharedLimits, faults *fault.List) {
	if s == nil {
		return
	}
	u, err := url.Parse(s.URL)
	if err != nil || u.Hostname() == "" || u.Scheme != "redis" && u.Scheme != "rediss" || u.RawQuery != "" || u.Fragment != "" || !database.MatchString(u.Path) {
		faults.Addf("sharedLimits.url", "is not the URL of a Redis server; write redis:// or rediss://, its host, its port, and if need be the number of a database as its path")
		return
	}
	if _, has := u.User.Password(); has {
		faults.Add("sharedLimits.url", "has a password, which would be in plain text; write it into password", "sharedLimits.password")
	}
	if s.Password != nil && *s.Password == "" {
		faults.Addf("sharedLimits.password", "is empty; write the server's password, or leave it out")
	}
	if u.User.Username() != "" && s.Password == nil {
		faults.Add("sharedLimits.password", "is required for a user", "sharedLimits.url")
	}
}

// settings are what the chart is told, without the password.
func (s Sharing) shared() chart.Shared {
	return chart.Shared{URL: ptr.Deref(s.SharedLimits, SharedLimits{}).URL}
}

// sharing is the plan of a gateway whose replicas count together.
func (p plan) sharing(s chart.Shared) plan {
	s.Name = p.label()
	p.settings.Shared = s
	return p
}

// withPassword is the plan with the name of the Secret that holds the Redis server's password.
func (p plan) withPassword(secret string) plan {
	p.settings.Shared.Secret = secret
	return p
}

// sharingChildren are what it needs beside Traefik, and come before that.
func sharingChildren(component string, in Inputs, before []string) []child.Child {
	given := in.Sharing.Now().SharedLimits
	if given == nil || given.Password == nil {
		return nil
	}
	return []child.Child{{
		// The Kubernetes package itself replaces Secrets, new before old, when their data change.
		Key: sharedKey, Kind: kube.Secret, After: before, ResourceName: names.Child(in.Identity.Now().Name, component) + "-redis",
		Fields: child.Fields{"data": child.From(value.Secretly(in.Sharing), Sharing.data)},
	}}
}

func (s Sharing) data() map[string]string {
	password := ptr.Deref(ptr.Deref(s.SharedLimits, SharedLimits{}).Password, "")
	return map[string]string{chart.SharedPasswordKey: base64.StdEncoding.EncodeToString([]byte(password))}
}
