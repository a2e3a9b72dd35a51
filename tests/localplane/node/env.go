//go:build linux

package node

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// environment builds the variables of one container in the order that lets later ones refer to earlier ones.
type environment struct {
	agent     *agent
	pod       *corev1.Pod
	container *corev1.Container
	values    map[string]string
}

// resolve reads what the container's env and envFrom refer to.
func (a *agent) resolve(ctx context.Context, pod *corev1.Pod, container *corev1.Container) (*environment, error) {
	e := &environment{agent: a, pod: pod, container: container, values: map[string]string{
		"PATH":                    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME":                    "/",
		"HOSTNAME":                pod.Name,
		"KUBERNETES_SERVICE_HOST": a.cfg.APIServer.Addr().String(),
		"KUBERNETES_SERVICE_PORT": strconv.Itoa(int(a.cfg.APIServer.Port())),
	}}
	for _, source := range container.EnvFrom {
		if err := e.addAll(ctx, source); err != nil {
			return nil, err
		}
	}
	for _, variable := range container.Env {
		if err := e.add(ctx, variable); err != nil {
			return nil, fmt.Errorf("env %s: %w", variable.Name, err)
		}
	}
	return e, nil
}

// list is the environment as a process takes it.
func (e *environment) list() []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(e.values)) {
		list = append(list, name+"="+e.values[name])
	}
	return list
}

// reference is $$, which means a dollar sign, or $(NAME).
var reference = regexp.MustCompile(`\$\$|\$\([^()]*\)`)

// expand replaces $(NAME) by the variable's value. What is not defined stays as it is.
func (e *environment) expand(text string) string {
	return reference.ReplaceAllStringFunc(text, func(found string) string {
		if found == "$$" {
			return "$"
		}
		if value, ok := e.values[found[2:len(found)-1]]; ok {
			return value
		}
		return found
	})
}

func (e *environment) expandAll(texts []string) []string {
	var expanded []string
	for _, text := range texts {
		expanded = append(expanded, e.expand(text))
	}
	return expanded
}

func (e *environment) addAll(ctx context.Context, source corev1.EnvFromSource) error {
	var data map[string][]byte
	var err error
	switch {
	case source.ConfigMapRef != nil:
		data, err = e.agent.configMap(ctx, e.pod.Namespace, source.ConfigMapRef.Name, source.ConfigMapRef.Optional)
	case source.SecretRef != nil:
		data, err = e.agent.secret(ctx, e.pod.Namespace, source.SecretRef.Name, source.SecretRef.Optional)
	}
	if err != nil {
		return fmt.Errorf("envFrom: %w", err)
	}
	for name, value := range data {
		e.values[source.Prefix+name] = string(value)
	}
	return nil
}

func (e *environment) add(ctx context.Context, variable corev1.EnvVar) error {
	from := variable.ValueFrom
	if from == nil {
		e.values[variable.Name] = e.expand(variable.Value)
		return nil
	}
	var value string
	var err error
	switch {
	case from.FieldRef != nil:
		value, err = fieldValue(e.pod, from.FieldRef.FieldPath)
	case from.ResourceFieldRef != nil:
		value, err = resourceValue(e.container, nodeCapacity, from.ResourceFieldRef)
	case from.ConfigMapKeyRef != nil:
		ref := from.ConfigMapKeyRef
		data, readErr := e.agent.configMap(ctx, e.pod.Namespace, ref.Name, ref.Optional)
		return e.addKey(variable.Name, data, readErr, ref.Key, ref.Optional)
	case from.SecretKeyRef != nil:
		ref := from.SecretKeyRef
		data, readErr := e.agent.secret(ctx, e.pod.Namespace, ref.Name, ref.Optional)
		return e.addKey(variable.Name, data, readErr, ref.Key, ref.Optional)
	default:
		err = fmt.Errorf("this valueFrom is not supported; use fieldRef, resourceFieldRef, configMapKeyRef or secretKeyRef")
	}
	if err != nil {
		return err
	}
	e.values[variable.Name] = value
	return nil
}

func (e *environment) addKey(name string, data map[string][]byte, err error, key string, optional *bool) error {
	if err != nil {
		return err
	}
	value, found := data[key]
	if !found && (optional == nil || !*optional) {
		return fmt.Errorf("key %q is not there", key)
	}
	if found {
		e.values[name] = string(value)
	}
	return nil
}

// configMap reads the data of a ConfigMap. An optional one that does not exist has none.
func (a *agent) configMap(ctx context.Context, namespace, name string, optional *bool) (map[string][]byte, error) {
	object, err := a.client.CoreV1().ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, unlessOptional(err, optional)
	}
	data := maps.Clone(object.BinaryData)
	if data == nil {
		data = map[string][]byte{}
	}
	for key, value := range object.Data {
		data[key] = []byte(value)
	}
	return data, nil
}

// secret reads the data of a Secret. An optional one that does not exist has none.
func (a *agent) secret(ctx context.Context, namespace, name string, optional *bool) (map[string][]byte, error) {
	object, err := a.client.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, unlessOptional(err, optional)
	}
	return object.Data, nil
}

func unlessOptional(err error, optional *bool) error {
	if optional != nil && *optional && apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
