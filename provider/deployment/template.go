package deployment

import (
	"bytes"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

// checkTemplate refuses what is not part of a Pod's template.
func checkTemplate(given map[string]any) error {
	text, err := json.Marshal(given)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&corev1.PodTemplateSpec{}); err != nil {
		return fmt.Errorf("is not part of a PodTemplateSpec (%w); write its fields, such as {spec: {priorityClassName: high}}", err)
	}
	_, err = merge(corev1.PodTemplateSpec{}, given)
	return err
}

// merge lays a part of a template over one by Kubernetes' rules: lists of named entries, such as containers, are merged by name
// (https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/).
func merge(template corev1.PodTemplateSpec, over map[string]any) (corev1.PodTemplateSpec, error) {
	if len(over) == 0 {
		return template, nil
	}
	below, err := json.Marshal(template)
	if err != nil {
		return template, err
	}
	above, err := json.Marshal(over)
	if err != nil {
		return template, err
	}
	text, err := strategicpatch.StrategicMergePatch(below, above, corev1.PodTemplateSpec{})
	if err != nil {
		return template, err
	}
	var merged corev1.PodTemplateSpec
	return merged, json.Unmarshal(text, &merged)
}
