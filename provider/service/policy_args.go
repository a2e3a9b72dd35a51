package service

import (
	"github.com/pulumi/pulumi-go-provider/infer"

	"github.com/modelplane/pulumi-modelplane/provider/callers"
)

// Policy says who may use the service, and how much of it.
type Policy struct {
	Auth      *Auth    `pulumi:"auth,optional"`
	AllowFrom []string `pulumi:"allowFrom,optional"`
	CORS      *CORS    `pulumi:"cors,optional"`
	Limits    *Limits  `pulumi:"limits,optional"`
}

// Annotate describes the inputs for the schema.
func (p *Policy) Annotate(at infer.Annotator) {
	at.Describe(&p.Auth, "How callers show who they are. Default: nobody is asked.")
	at.Describe(&p.AllowFrom, "The IP ranges from which clients may send requests, in CIDR notation (`10.0.0.0/8`), up to 500; others get 403. Default: every address.")
	at.Describe(&p.CORS, "What browsers may do on pages of other sites. Their preflight requests are answered before anybody is asked for a key, and what "+
		"servers say of it themselves is removed. Default: what the servers say.")
	at.Describe(&p.Limits, "How much callers may ask for; more gets 429 with Retry-After. Each replica of the gateway counts for itself, unless it counts tokens and the gateway has `sharedLimits`. Default: no limits.")
}

// Auth is how callers show who they are.
type Auth struct {
	Callers *callers.Reference `pulumi:"callers,optional"`
	Basic   *BasicAuth         `pulumi:"basic,optional"`
	Forward *ForwardAuth       `pulumi:"forward,optional"`
}

// Annotate describes the type for the schema.
func (a *Auth) Annotate(at infer.Annotator) {
	at.SetToken("index", "ServiceAuth")
	at.Describe(a, "How callers show who they are. Give one of `callers`, `basic` and `forward`.")
	at.Describe(&a.Callers, "API keys, as OpenAI's, Anthropic's, Azure's and Google's clients send them: the output `callers` of a ModelCallers in the "+
		"service's namespace.")
	at.Describe(&a.Basic, "User and password by HTTP's basic authentication.")
	at.Describe(&a.Forward, "A server of yours that is asked about each request.")
}

// BasicAuth is user and password.
type BasicAuth struct {
	SecretName string `pulumi:"secretName"`
}

// Annotate describes the type for the schema.
func (b *BasicAuth) Annotate(at infer.Annotator) {
	at.SetToken("index", "ServiceBasicAuth")
	at.Describe(b, "User and password by HTTP's basic authentication (RFC 7617).")
	at.Describe(&b.SecretName, "The Secret in the service's namespace that has the users in its entry `users`, as `htpasswd -nB` prints them, one a line.")
}

// ForwardAuth is a server that decides on each request.
type ForwardAuth struct {
	URL             string   `pulumi:"url"`
	ResponseHeaders []string `pulumi:"responseHeaders,optional"`
}

// Annotate describes the type for the schema.
func (f *ForwardAuth) Annotate(at infer.Annotator) {
	at.SetToken("index", "ServiceForwardAuth")
	at.Describe(f, "A server that is sent each request's method, path and headers, without the body. A status from 200 to 299 lets the request "+
		"pass; any other answer goes to the client as it is.")
	at.Describe(&f.URL, "The server's URL, http or https, as the gateway reaches it, such as `http://auth.team.svc.cluster.local/verify`.")
	at.Describe(&f.ResponseHeaders, "Headers of the server's answer that the request goes on with, up to 64. `X-Modelplane-Caller` always is one: it names the "+
		"caller for limits and logs.")
}

// CORS is what browsers may do on pages of other sites.
type CORS struct {
	AllowOrigins     []string `pulumi:"allowOrigins"`
	AllowHeaders     []string `pulumi:"allowHeaders,optional"`
	AllowMethods     []string `pulumi:"allowMethods,optional"`
	ExposeHeaders    []string `pulumi:"exposeHeaders,optional"`
	AllowCredentials bool     `pulumi:"allowCredentials,optional"`
	MaxAge           *int     `pulumi:"maxAge,optional"`
}

// Annotate describes the type for the schema.
func (c *CORS) Annotate(at infer.Annotator) {
	at.SetToken("index", "ServiceCors")
	at.Describe(c, "What browsers may do on pages of other sites (https://fetch.spec.whatwg.org/#http-cors-protocol).")
	at.Describe(&c.AllowOrigins, "The sites, such as `https://app.example.com`, up to 64; `*` is every site.")
	at.Describe(&c.AllowHeaders, "The headers that their scripts may send, up to 64. Default: `Authorization` and `Content-Type`, as OpenAI's client for browsers needs.")
	at.Describe(&c.AllowMethods, "The methods that they may use, up to 64. Default: `GET`, `POST` and `DELETE`.")
	at.Describe(&c.ExposeHeaders, "The headers of answers that they may read, up to 64. Default: none but those that every script may read.")
	at.Describe(&c.AllowCredentials, "Whether browsers send cookies and passwords; not with the site `*`. Default: false.")
	at.SetDefault(&c.AllowCredentials, false)
	at.Describe(&c.MaxAge, "For how many seconds a browser may keep the answer to a preflight request: 0 to 86,400. Default: the browser's own.")
}

// Limits are how much callers may ask for.
type Limits struct {
	Requests     []RequestLimit  `pulumi:"requests,optional"`
	Tokens       []TokenLimit    `pulumi:"tokens,optional"`
	InFlight     []InFlightLimit `pulumi:"inFlight,optional"`
	MaxBodyBytes *int            `pulumi:"maxBodyBytes,optional"`
}

// Annotate describes the type for the schema.
func (l *Limits) Annotate(at infer.Annotator) {
	at.SetToken("index", "ServiceLimits")
	at.Describe(l, "How much callers may ask for. Counts live in each replica of the gateway: they outlive changes to the service, but not a replica, unless it counts tokens and the gateway has `sharedLimits`.")
	at.Describe(&l.Requests, "How many requests in a span of time: up to 16 limits. Answers tell in the headers `x-ratelimit-limit-requests`, `-remaining-requests` and "+
		"`-reset-requests` what is left of the one of which the least is.")
	at.Describe(&l.Tokens, "How many tokens in a span of time: up to 16 limits. Answers tell what is left in `x-ratelimit-remaining-tokens` and so on.")
	at.Describe(&l.InFlight, "How many requests at once: up to 16 limits. A request is under way until its answer has ended.")
	at.Describe(&l.MaxBodyBytes, "How large a request's body may be, in bytes, from 1 to 1,073,741,824; a larger one gets 413. A body whose length the client does not "+
		"state is held in memory until it has ended. Default: no limit.")
}

// RequestLimit is how many requests may come in a span of time.
type RequestLimit struct {
	By       *LimitBy `pulumi:"by,optional"`
	Header   *string  `pulumi:"header,optional"`
	Requests int      `pulumi:"requests"`
	Seconds  int      `pulumi:"seconds,optional"`
}

// Annotate describes the type for the schema.
func (l *RequestLimit) Annotate(at infer.Annotator) {
	at.SetToken("index", "RequestLimit")
	at.Describe(l, "How many requests may come in a span of time. They may all come at once; after that the allowance fills up again evenly.")
	at.Describe(&l.By, "Whose requests are counted together. Default: `All`.")
	at.SetDefault(&l.By, ByAll)
	at.Describe(&l.Header, "The request header whose value tells clients apart, with `by: Header`. Requests without it are counted together.")
	at.Describe(&l.Requests, "How many requests: 1 to 1,000,000.")
	at.Describe(&l.Seconds, "In how many seconds: 1 to 86,400. Default: 60.")
	at.SetDefault(&l.Seconds, 60)
}

// TokenLimit is how many tokens may be used in a span of time.
type TokenLimit struct {
	By      *LimitBy `pulumi:"by,optional"`
	Header  *string  `pulumi:"header,optional"`
	Tokens  int      `pulumi:"tokens"`
	Seconds int      `pulumi:"seconds,optional"`
}

// Annotate describes the type for the schema.
func (l *TokenLimit) Annotate(at infer.Annotator) {
	at.SetToken("index", "TokenLimit")
	at.Describe(l, "How many tokens may be used in a span of time, those of requests and of answers together. They are counted when an answer ends, by what its server says. Once they are used, no "+
		"request passes until the next span begins; what was under way then comes on top. Where a stream breaks off or its server says nothing, each event counts as a token, and so do four bytes of the "+
		"request. Spans follow each other from 1970 on: a day begins at midnight in UTC. As with `observability.tokens`, servers are asked for the usage of streams and for no compression. WebSockets, "+
		"whose tokens nobody counts, get 403.")
	at.Describe(&l.By, "Whose tokens are counted together. Default: `All`.")
	at.SetDefault(&l.By, ByAll)
	at.Describe(&l.Header, "The request header whose value tells clients apart, with `by: Header`. Requests without it are counted together.")
	at.Describe(&l.Tokens, "How many tokens: 1 to 2,000,000,000.")
	at.Describe(&l.Seconds, "In how many seconds: 1 to 86,400, which is a day. Default: 60.")
	at.SetDefault(&l.Seconds, 60)
}

// InFlightLimit is how many requests may be under way at once.
type InFlightLimit struct {
	By       *LimitBy `pulumi:"by,optional"`
	Header   *string  `pulumi:"header,optional"`
	Requests int      `pulumi:"requests"`
}

// Annotate describes the type for the schema.
func (l *InFlightLimit) Annotate(at infer.Annotator) {
	at.SetToken("index", "InFlightLimit")
	at.Describe(l, "How many requests may be under way at once.")
	at.Describe(&l.By, "Whose requests are counted together. Default: `All`.")
	at.SetDefault(&l.By, ByAll)
	at.Describe(&l.Header, "The request header whose value tells clients apart, with `by: Header`. Requests without it are counted together.")
	at.Describe(&l.Requests, "How many requests: 1 to 1,000,000.")
}

// LimitBy says whose requests a limit counts together.
type LimitBy string

// Whose requests a limit can count together.
const (
	ByAll     LimitBy = "All"
	ByCaller  LimitBy = "Caller"
	ByAddress LimitBy = "Address"
	ByHeader  LimitBy = "Header"
)

// Values lists them for the schema.
func (LimitBy) Values() []infer.EnumValue[LimitBy] {
	return []infer.EnumValue[LimitBy]{
		{Name: "All", Value: ByAll, Description: "Those of all clients."},
		{Name: "Caller", Value: ByCaller, Description: "Those of a caller, as `auth` names it."},
		{Name: "Address", Value: ByAddress, Description: "Those of a client's IP address."},
		{Name: "Header", Value: ByHeader, Description: "Those with one value of a header."},
	}
}

// Annotate describes the type for the schema.
func (l *LimitBy) Annotate(at infer.Annotator) {
	at.SetToken("index", "LimitBy")
	at.Describe(l, "Whose requests a limit counts together.")
}
