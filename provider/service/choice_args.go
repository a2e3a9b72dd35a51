package service

import (
	"github.com/pulumi/pulumi-go-provider/infer"

	"github.com/modelplane/pulumi-modelplane/provider/endpoint"
)

// Choice says how a backend is chosen for a request where weights are not enough, and what happens when it fails.
type Choice struct {
	Failover        *Failover        `pulumi:"failover,optional"`
	OutlierEjection *OutlierEjection `pulumi:"outlierEjection,optional"`
	Affinity        *Affinity        `pulumi:"affinity,optional"`
	Mirror          *Mirror          `pulumi:"mirror,optional"`
}

// Annotate describes the inputs for the schema.
func (c *Choice) Annotate(at infer.Annotator) {
	at.Describe(&c.Failover, "When the next backend is asked for a request that one has failed. Default: never; with a `priority`, `outlierEjection`, "+
		"`affinity` or `mirror`, after 429, any status from 500, and a server that cannot be reached.")
	at.Describe(&c.OutlierEjection, "When a backend that fails is not asked for a time. Default: never; with a `priority`, `failover`, `affinity` or `mirror`, for 30 "+
		"seconds after five failures in a row. If all backends are out, they are asked all the same.")
	at.Describe(&c.Affinity, "Which requests go to the same backend, such as those of one conversation. Default: each request goes to the backend whose "+
		"turn it is.")
	at.Describe(&c.Mirror, "An endpoint that gets copies of requests, such as a candidate that nobody should depend on yet. Default: none.")
}

// Failover says when the next backend is asked.
type Failover struct {
	StatusCodes       []string `pulumi:"statusCodes,optional"`
	Attempts          int      `pulumi:"attempts,optional"`
	HeaderTimeout     *string  `pulumi:"headerTimeout,optional"`
	FirstTokenTimeout *string  `pulumi:"firstTokenTimeout,optional"`
	Deadline          *string  `pulumi:"deadline,optional"`
}

// Annotate describes the type for the schema.
func (f *Failover) Annotate(at infer.Annotator) {
	at.SetToken("index", "ServiceFailover")
	at.Describe(f, "When the next backend is asked for a request: others of the same priority first, then those of the next one. An answer that has begun is "+
		"never asked for again. Where all have failed, the client gets the last answer. A body of more than 32 MiB, or of an eighth of what bodies may take on the gateway, goes to one backend alone, "+
		"without a limit of time.")
	at.Describe(&f.StatusCodes, "The answers after which the next backend is asked, as up to 32 statuses (`429`) and ranges (`500-599`), each from 400 to 599. 502 and 504 are always among them: the gateway "+
		"answers so for a server that it cannot reach. Default: `429` and `500-599`.")
	at.Describe(&f.Attempts, "How many backends are asked at most: 1 to 16. Default: 3.")
	at.SetDefault(&f.Attempts, 3)
	at.Describe(&f.HeaderTimeout, "How long an answer may take to begin, from `1ms` to `1h`. An answer that is not streamed begins when the model is done. Default: no limit.")
	at.Describe(&f.FirstTokenTimeout, "How long an event stream that has begun may take for its first event, from `1ms` to `1h`. Default: no limit.")
	at.Describe(&f.Deadline, "How long all attempts may take until one has begun to answer, from `1ms` to `1h`, after the request itself has arrived. Default: no limit.")
}

// OutlierEjection says when a backend is not asked for a time.
type OutlierEjection struct {
	Failures int     `pulumi:"failures,optional"`
	Duration *string `pulumi:"duration,optional"`
}

// Annotate describes the type for the schema.
func (o *OutlierEjection) Annotate(at infer.Annotator) {
	at.SetToken("index", "OutlierEjection")
	at.Describe(o, "When a backend that fails is not asked for a time. After that, one request finds out whether it is back. A backend that sends Retry-After "+
		"with a failure is out for that long, up to ten minutes.")
	at.Describe(&o.Failures, "After how many failures in a row: 1 to 1,000. Default: 5.")
	at.SetDefault(&o.Failures, 5)
	at.Describe(&o.Duration, "For how long, from `1s` to `1h` in whole seconds. Default: `30s`.")
}

// Mirror is an endpoint that gets copies of requests.
type Mirror struct {
	Endpoint endpoint.BackendReference `pulumi:"endpoint"`
	Percent  int                       `pulumi:"percent,optional"`
}

// Annotate describes the type for the schema.
func (m *Mirror) Annotate(at infer.Annotator) {
	at.SetToken("index", "ServiceMirror")
	at.Describe(m, "An endpoint that gets copies of requests. Nobody waits for its answers, and nobody gets them. Copies are left out while 64 of them have no "+
		"answer, and of bodies that are not held (see `failover`). The endpoint's own key is sent, so copies cost what requests cost.")
	at.Describe(&m.Endpoint, "The endpoint: the output `backend` of a ModelEndpoint.")
	at.Describe(&m.Percent, "How many of a hundred requests are copied: 1 to 100. Default: 100.")
	at.SetDefault(&m.Percent, 100)
}

// Affinity says which requests go to the same backend.
type Affinity struct {
	By   AffinityBy `pulumi:"by"`
	Name *string    `pulumi:"name,optional"`
}

// Annotate describes the type for the schema.
func (a *Affinity) Annotate(at infer.Annotator) {
	at.SetToken("index", "ServiceAffinity")
	at.Describe(a, "Which requests go to the same backend. All replicas of the gateway choose the same one, in proportion to the weights. A backend that comes takes "+
		"only its own share, and one that fails gives its own to the others until it is back.")
	at.Describe(&a.By, "What requests have in common that go to the same backend. Those without it go to the backend whose turn it is.")
	at.Describe(&a.Name, "The name of the header or cookie, with `by: Header` and `by: Cookie`: up to 256 letters, digits and hyphens.")
}

// AffinityBy says what requests have in common that go to the same backend.
type AffinityBy string

// What requests can have in common.
const (
	AffinityByHeader AffinityBy = "Header"
	AffinityByCookie AffinityBy = "Cookie"
	AffinityByCaller AffinityBy = "Caller"
	AffinityByPrompt AffinityBy = "Prompt"
)

// Values lists them for the schema.
func (AffinityBy) Values() []infer.EnumValue[AffinityBy] {
	return []infer.EnumValue[AffinityBy]{
		{Name: "Header", Value: AffinityByHeader, Description: "The value of a header."},
		{Name: "Cookie", Value: AffinityByCookie, Description: "The value of a cookie."},
		{Name: "Caller", Value: AffinityByCaller, Description: "The caller, as `auth` names it."},
		{Name: "Prompt", Value: AffinityByPrompt, Description: "The beginning of the prompt, to the end of its first message of a user, so that a " +
			"conversation finds its cached keys and values again."},
	}
}

// Annotate describes the type for the schema.
func (a *AffinityBy) Annotate(at infer.Annotator) {
	at.SetToken("index", "AffinityBy")
	at.Describe(a, "What requests have in common that go to the same backend.")
}
