package deployment

import (
	"fmt"
	"strings"

	"github.com/modelplane/pulumi-modelplane/provider/internal/names"
)

// source is where a model's weights come from.
type source struct {
	scheme modelScheme
	// reference is the rest of the URL: org/model, bucket/prefix, registry/repository:tag, claim/path.
	reference string
}

type modelScheme string

// The schemes of a model's URL.
const (
	huggingFace modelScheme = "hf"
	s3          modelScheme = "s3"
	image       modelScheme = "oci"
	claim       modelScheme = "pvc"
)

// modelsDir is where the weights are in a container that does not download them.
const modelsDir = "/models"

// parseModel reads a model's URL.
func parseModel(text string) (source, error) {
	scheme, reference, found := strings.Cut(text, "://")
	s := source{scheme: modelScheme(scheme), reference: strings.TrimSuffix(reference, "/")}
	wrong := func(want string) (source, error) {
		return source{}, fmt.Errorf("%q is not a model: write %s", text, want)
	}
	if !found || s.reference == "" || strings.ContainsAny(text, " \t\n?#@") && s.scheme != image {
		return wrong("hf://<organization>/<model>, s3://<bucket>/<path>, oci://<image> or pvc://<claim>/<path>")
	}
	switch s.scheme {
	case huggingFace:
		if organization, model, two := strings.Cut(s.reference, "/"); !two || organization == "" || model == "" || strings.Contains(model, "/") {
			return wrong("hf://<organization>/<model>")
		}
	case s3:
		if bucket, _, _ := strings.Cut(s.reference, "/"); bucket == "" {
			return wrong("s3://<bucket>/<path>")
		}
	case image:
	case claim:
		if name, _, _ := strings.Cut(s.reference, "/"); names.Existing(name) != nil {
			return wrong("pvc://<claim>/<path>, with the name of a PersistentVolumeClaim")
		}
	default:
		return wrong("a URL that starts with hf://, s3://, oci:// or pvc://")
	}
	return s, nil
}

// argument is what an engine takes as the model: a name on Hugging Face, a bucket's URL, or a path in the container.
func (s source) argument() string {
	switch s.scheme {
	case s3:
		return "s3://" + s.reference
	case image:
		return modelsDir
	case claim:
		_, path, _ := strings.Cut(s.reference, "/")
		return strings.TrimSuffix(modelsDir+"/"+path, "/")
	default:
		return s.reference
	}
}

// servedName is what clients call the model by default.
func (s source) servedName() string {
	if s.scheme == huggingFace {
		return s.reference
	}
	name := s.reference[strings.LastIndex(s.reference, "/")+1:]
	name, _, _ = strings.Cut(name, "@")
	name, _, _ = strings.Cut(name, ":")
	return name
}

// claimName is the PersistentVolumeClaim of a model in one.
func (s source) claimName() string {
	name, _, _ := strings.Cut(s.reference, "/")
	return name
}
