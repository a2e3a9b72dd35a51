package endpoint

import (
	"github.com/pulumi/pulumi-go-provider/infer"
	"k8s.io/utils/ptr"

	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
	"github.com/modelplane/pulumi-modelplane/provider/internal/route"
	"github.com/modelplane/pulumi-modelplane/provider/internal/target"
)

// BackendReference is an endpoint as a service takes it.
type BackendReference struct {
	Name                 string            `pulumi:"name" json:"name"`
	ServiceName          string            `pulumi:"serviceName" json:"serviceName"`
	Namespace            string            `pulumi:"namespace" json:"namespace"`
	Port                 int               `pulumi:"port" json:"port"`
	BasePath             string            `pulumi:"basePath" json:"basePath"`
	HostHeader           *string           `pulumi:"hostHeader,optional" json:"hostHeader,omitempty"`
	SetHeaders           map[string]string `pulumi:"setHeaders,optional" json:"setHeaders,omitempty"`
	RemoveHeaders        []string          `pulumi:"removeHeaders,optional" json:"removeHeaders,omitempty"`
	ForwardAuthorization bool              `pulumi:"forwardAuthorization,optional" json:"forwardAuthorization"`
	KeyMiddleware        *string           `pulumi:"keyMiddleware,optional" json:"keyMiddleware,omitempty"`
}

// Annotate describes the type for the schema.
func (b *BackendReference) Annotate(at infer.Annotator) {
	at.SetToken("index", "BackendReference")
	at.Describe(b, "An endpoint as a service takes it: the output `backend` of a ModelEndpoint.")
	at.Describe(&b.Name, "The endpoint's name, by which a service's `shares` call it.")
	at.Describe(&b.ServiceName, "The Kubernetes Service in front of the server's addresses.")
	at.Describe(&b.Namespace, "The Service's namespace.")
	at.Describe(&b.Port, "The Service's port, from 1 to 65535.")
	at.Describe(&b.BasePath, "The path that a service's own path is replaced with; `/` is the server's root.")
	at.Describe(&b.HostHeader, "The Host header that the server is sent. Default: the client's own.")
	at.Describe(&b.SetHeaders, "Headers to set on the way to the server.")
	at.Describe(&b.RemoveHeaders, "Headers to remove on the way to the server.")
	at.Describe(&b.ForwardAuthorization, "Whether the client's own Authorization header reaches the server.")
	at.SetDefault(&b.ForwardAuthorization, false)
	at.Describe(&b.KeyMiddleware, "The Traefik Middleware that adds the server's key, in the Service's namespace. Only a "+
		"service of that namespace can use it, on a gateway that has the modelplane plugin.")
}

// Backend is the endpoint as a route takes it, without a weight. The reference may have been written by hand, at path, so
// it is held to the same rules as the inputs of an endpoint.
func (b BackendReference) Backend(path string, faults *fault.List) route.Backend {
	if b.Name == "" {
		faults.Addf(path+".name", "is empty; write the name that the service's shares are to call the endpoint by")
	}
	faults.AddErr(path+".serviceName", names.Existing(b.ServiceName))
	faults.AddErr(path+".namespace", names.Namespace(b.Namespace))
	if b.Port < 1 || b.Port > 65535 {
		faults.Addf(path+".port", "%d is outside 1 to 65535", b.Port)
	}
	basePath, err := target.ParsePath(b.BasePath)
	faults.AddErr(path+".basePath", err)
	var hostHeader string
	if b.HostHeader != nil {
		hostHeader, err = target.ParseHostname(*b.HostHeader)
		faults.AddErr(path+".hostHeader", err)
	}
	headers := headerPaths{set: path + ".setHeaders", remove: path + ".removeHeaders"}
	headers.check(Headers{Set: b.SetHeaders, Remove: b.RemoveHeaders}, faults)
	if b.KeyMiddleware != nil {
		faults.AddErr(path+".keyMiddleware", names.Existing(*b.KeyMiddleware))
	}
	return route.Backend{
		Service:              b.ServiceName,
		Namespace:            b.Namespace,
		Port:                 int32(b.Port),
		BasePath:             basePath,
		HostHeader:           hostHeader,
		SetHeaders:           b.SetHeaders,
		RemoveHeaders:        b.RemoveHeaders,
		ForwardAuthorization: b.ForwardAuthorization,
		KeyMiddleware:        ptr.Deref(b.KeyMiddleware, ""),
	}
}
