package endpoint

import (
	"github.com/pulumi/pulumi-go-provider/infer"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/target"
	"github.com/modelplane/pulumi-modelplane/provider/internal/weight"
)

// BackendReference is an endpoint as a service takes it.
type BackendReference struct {
	Name          string   `pulumi:"name" json:"name"`
	ServiceName   string   `pulumi:"serviceName" json:"serviceName"`
	Namespace     string   `pulumi:"namespace" json:"namespace"`
	Port          int      `pulumi:"port" json:"port"`
	BasePath      string   `pulumi:"basePath" json:"basePath"`
	HostHeader    *string  `pulumi:"hostHeader,optional" json:"hostHeader,omitempty"`
	Headers       *Headers `pulumi:"headers,optional" json:"headers,omitempty"`
	ForwardCaller bool     `pulumi:"forwardCaller,optional" json:"forwardCaller,omitempty"`
	Middleware    *string  `pulumi:"middleware,optional" json:"middleware,omitempty"`
	Keyed         bool     `pulumi:"keyed,optional" json:"keyed,omitempty"`
	Share         *int     `pulumi:"share,optional" json:"share,omitempty"`
	Protocol      *string  `pulumi:"protocol,optional" json:"protocol,omitempty"`
	Model         *string  `pulumi:"model,optional" json:"model,omitempty"`
	Price         *Price   `pulumi:"price,optional" json:"price,omitempty"`
}

// Annotate describes the type for the schema.
func (b *BackendReference) Annotate(at infer.Annotator) {
	at.SetToken("index", "BackendReference")
	at.Describe(b, "An endpoint as a service takes it: the output `backend` of a ModelEndpoint. Pass it on as it is; later "+
		"versions add to it.")
	at.Describe(&b.Name, "The endpoint's name, by which a service's `shares` call it.")
	at.Describe(&b.ServiceName, "The Kubernetes Service in front of the server's addresses.")
	at.Describe(&b.Namespace, "The Service's namespace.")
	at.Describe(&b.Port, "The Service's port, from 1 to 65535.")
	at.Describe(&b.BasePath, "The path that replaces a service's own path; `/` is the server's root.")
	at.Describe(&b.HostHeader, "The Host header that the server is sent. Default: the client's own.")
	at.Describe(&b.Headers, "Request headers to set or to remove on the way to the server.")
	at.Describe(&b.ForwardCaller, "Whether the server learns who the caller is.")
	at.SetDefault(&b.ForwardCaller, false)
	at.Describe(&b.Middleware, "The Traefik Middleware, in the Service's namespace, that hides the caller and adds the server's "+
		"key. Only services of that namespace can use it, on a gateway that has the modelplane plugin.")
	at.Describe(&b.Keyed, "Whether the server needs a key, which the Middleware adds. Default: false.")
	at.SetDefault(&b.Keyed, false)
	at.Describe(&b.Share, "How much of its entry's weight the endpoint gets, in proportion to the other endpoints of a service's entry: 1 to "+
		"1,000,000. A ModelDeployment writes its replicas here. Default: 1.")
	at.Describe(&b.Protocol, "What the server speaks: `http1` or `h2c`. Default: `http1`.")
	at.Describe(&b.Model, "What the server calls the model, which the Middleware writes into requests. Default: the name that the client sends.")
	at.Describe(&b.Price, "What tokens cost there. Default: no cost is counted.")
}

// reference is what a service takes, given what the objects are called.
func (p plan) reference(name, namespace, service, middleware string) BackendReference {
	ref := BackendReference{
		Name: name, ServiceName: service, Namespace: namespace, Port: int(p.Port),
		BasePath: orRoot(p.BasePath), ForwardCaller: p.ForwardCaller, Keyed: p.Key != nil, Price: p.price,
	}
	if p.HostHeader != "" {
		ref.HostHeader = &p.HostHeader
	}
	if len(p.headers.Set)+len(p.headers.Remove) > 0 {
		ref.Headers = &p.headers
	}
	if p.Protocol == H2C {
		ref.Protocol = ptr.To(string(H2C))
	}
	if p.Model != "" {
		ref.Model = &p.Model
	}
	if middleware != "" {
		ref.Middleware = &middleware
	}
	return ref
}

// Parse reads a reference that may have been written by hand, at path. It is held to the same rules as the inputs of an
// endpoint, and comes back in the form that routes take.
func (b BackendReference) Parse(path string, faults *fault.List) BackendReference {
	if b.Name == "" {
		faults.Addf(path+".name", "is empty; write a name, by which the service's shares call the endpoint")
	}
	faults.AddErr(path+".serviceName", names.Existing(b.ServiceName))
	faults.AddErr(path+".namespace", names.Namespace(b.Namespace))
	if b.Port < 1 || b.Port > 65535 {
		faults.Addf(path+".port", "%d is outside 1 to 65535", b.Port)
	}
	if share := b.ShareOfEntry(); share < 1 || share > weight.MaxShare {
		faults.Addf(path+".share", "%d is outside 1 to %d", share, weight.MaxShare)
	}
	basePath, err := target.ParsePath(b.BasePath)
	faults.AddErr(path+".basePath", err)
	b.BasePath = orRoot(basePath)
	if b.HostHeader != nil {
		host, err := target.ParseHostname(*b.HostHeader)
		faults.AddErr(path+".hostHeader", err)
		b.HostHeader = &host
	}
	// It is no enum in the schema: Pulumi YAML does not pass an output's enum on to an input.
	if protocol := Protocol(ptr.Deref(b.Protocol, string(HTTP1))); protocol != HTTP1 && protocol != H2C {
		faults.Addf(path+".protocol", "%q is neither http1 nor h2c", protocol)
	}
	ptr.Deref(b.Headers, Headers{}).check(path+".headers", faults)
	if b.Middleware != nil {
		faults.AddErr(path+".middleware", names.Existing(*b.Middleware))
	} else if b.Keyed {
		faults.Add(path+".middleware", "is missing: the server needs a key, which a Middleware adds", path+".keyed")
	} else if b.Model != nil {
		faults.Add(path+".middleware", "is missing: the server has its own name for the model, which a Middleware writes", path+".model")
	}
	b.Price.check(path+".price", faults)
	if b.Model != nil {
		faults.AddErr(path+".model", CheckModel(*b.Model))
	}
	return b
}

// SpeaksH2C says whether the server takes nothing but HTTP/2 without TLS.
func (b BackendReference) SpeaksH2C() bool { return ptr.Deref(b.Protocol, "") == string(H2C) }

// ShareOfEntry is how much of its entry's weight the endpoint gets, in proportion to the entry's other endpoints.
func (b BackendReference) ShareOfEntry() int { return ptr.Deref(b.Share, 1) }

func orRoot(path string) string {
	if path == "" {
		return "/"
	}
	return path
}
