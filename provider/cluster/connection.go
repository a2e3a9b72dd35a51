package cluster

import (
	"encoding/base64"
	"errors"

	"github.com/pulumi/pulumi-go-provider/infer"

	"github.com/modelplane/pulumi-modelplane/provider/internal/credential"
	"github.com/modelplane/pulumi-modelplane/provider/internal/fault"
	"github.com/modelplane/pulumi-modelplane/provider/internal/target"
)

// Connection is all that a deployment in another stack needs to reach a cluster.
type Connection struct {
	URL           string  `pulumi:"url"`
	Kubeconfig    *string `pulumi:"kubeconfig,optional" provider:"secret"`
	APIKey        *string `pulumi:"apiKey,optional" provider:"secret"`
	CACertificate *string `pulumi:"caCertificate,optional"`
}

// Annotate describes the type for the schema.
func (c *Connection) Annotate(at infer.Annotator) {
	at.SetToken("index", "ClusterConnection")
	at.Describe(c, "How a cluster of another stack is reached: the output `connection` of an InferenceCluster.")
	at.Describe(&c.URL, "The URL of the cluster's gateway, without a path.")
	at.Describe(&c.Kubeconfig, "The content of a kubeconfig for the cluster. Default: the Kubernetes provider of the deployment.")
	at.Describe(&c.APIKey, "The key that the gateway wants. Default: none.")
	at.Describe(&c.CACertificate, "Certificates of the authorities that are trusted for the gateway, in PEM. Default: the system's roots.")
}

// Check finds what is wrong with a connection at path, which may have been written by hand. No message shows a key.
func (c Connection) Check(path string, faults *fault.List) {
	if _, err := target.ParseListener(c.URL); err != nil {
		faults.Add(path+".url", err.Error())
	}
	if c.APIKey != nil {
		faults.AddErr(path+".apiKey", credential.CheckKey(*c.APIKey, ""))
	}
	if c.CACertificate != nil {
		faults.AddErr(path+".caCertificate", credential.CheckCertificates(*c.CACertificate))
	}
}

// KeyOf is the key that endpoints send, by the data of the Secret with all keys.
func KeyOf(data map[string]any) (string, error) { return entry(data, keyEntry+"0") }

// AuthorityOf are the certificates of authorities, by the data of the Secret with the gateway's certificate.
func AuthorityOf(data map[string]any) (string, error) { return entry(data, caEntry) }

func entry(data map[string]any, name string) (string, error) {
	text, _ := data[name].(string)
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil || text == "" {
		return "", errors.New("the cluster's Secret has no entry " + name)
	}
	return string(decoded), nil
}
