// Package kserve holds the LLMInferenceService that a ModelDeployment makes to KServe's own types and validator. It is a module of its own:
// KServe's brings several hundred others.
package kserve

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/kserve/kserve/pkg/apis/serving/v1alpha1"
	"sigs.k8s.io/yaml"
)

// TestKServeTakesWhatADeploymentMakes would catch a field that KServe does not know, and a combination that its webhook refuses.
func TestKServeTakesWhatADeploymentMakes(t *testing.T) {
	text, err := os.ReadFile("../../provider/deployment/testdata/kserve.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var children []struct{ Object json.RawMessage }
	if err := yaml.Unmarshal(text, &children); err != nil {
		t.Fatal(err)
	}
	service := &v1alpha1.LLMInferenceService{}
	decoder := json.NewDecoder(bytes.NewReader(children[len(children)-1].Object))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(service); err != nil {
		t.Fatal(err)
	}
	if service.Kind != "LLMInferenceService" || service.Spec.Model.URI.String() == "" {
		t.Fatalf("not a service of a model: %+v", service)
	}
	validator := &v1alpha1.LLMInferenceServiceValidator{}
	if _, err := validator.ValidateCreate(t.Context(), service); err != nil {
		t.Error(err)
	}
	// A workload without a parallelism for its workers is what the validator is known to refuse.
	service.Spec.Worker = service.Spec.Template
	if _, err := validator.ValidateCreate(t.Context(), service); err == nil {
		t.Error("the validator takes anything")
	}
}
