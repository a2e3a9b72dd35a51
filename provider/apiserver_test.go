package provider_test

import (
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/modelplane/pulumi-modelplane/provider/internal/crds"
	"github.com/modelplane/pulumi-modelplane/tests/apitest"
)

// TestTheAPIServerTakesTheReviewedObjects would catch an object of testdata that reads well and that the API server refuses.
// What is not known yet, and what a Helm release or a patch makes, is left to the tests with a whole stack.
func TestTheAPIServerTakesTheReviewedObjects(t *testing.T) {
	server := apitest.Here(t, append(crds.Objects(), apitest.CertificateCRD(t)))
	for _, folder := range cases(t) {
		for _, entry := range run(t, folder) {
			for key, content := range entry {
				object, isObject := content.(map[string]any)["inputs"].(map[string]any)
				if !isObject || strings.HasPrefix(key, "helm.sh") || strings.Contains(key, "Patch ") ||
					object["spec"] == "(CRD)" || strings.Contains(folder, "unknown") {
					continue
				}
				if object["kind"] == "Secret" {
					readable(object)
				}
				metadata := object["metadata"].(map[string]any)
				if metadata["name"] == nil {
					metadata["name"] = "auto-named-0fbc81a4"
				}
				assert.NoError(t, server.Create(t.Context(), object), "%s: %s", filepath.Base(folder), key)
			}
		}
	}
}

// readable gives a Secret back what testdata does not show.
func readable(object map[string]any) {
	data, _ := object["data"].(map[string]any)
	if hidden, is := data["(secret)"].(map[string]any); is {
		data = hidden
		object["data"] = hidden
	}
	for key, value := range data {
		if text := fmt.Sprint(value); strings.HasPrefix(text, "(") {
			data[key] = base64.StdEncoding.EncodeToString([]byte(text))
		}
	}
}
