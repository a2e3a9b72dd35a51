//go:build linux

package node

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"sync"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// file is one file of a volume.
type file struct {
	data string
	mode fs.FileMode
}

// projector turns the volumes of one Pod into files, by path inside the volume.
type projector struct {
	agent *agent

	mu     sync.Mutex
	tokens map[string]issuedToken
}

// issuedToken is a ServiceAccount token and when another should take its place.
type issuedToken struct {
	token   string
	renewAt time.Time
}

func (p *projector) files(ctx context.Context, pod *corev1.Pod, volume corev1.Volume) (map[string]file, error) {
	switch {
	case volume.ConfigMap != nil:
		v := volume.ConfigMap
		data, err := p.agent.configMap(ctx, pod.Namespace, v.Name, v.Optional)
		return pick(data, err, v.Items, v.DefaultMode, v.Optional)
	case volume.Secret != nil:
		v := volume.Secret
		data, err := p.agent.secret(ctx, pod.Namespace, v.SecretName, v.Optional)
		return pick(data, err, v.Items, v.DefaultMode, v.Optional)
	case volume.DownwardAPI != nil:
		return downward(pod, volume.DownwardAPI.Items, volume.DownwardAPI.DefaultMode)
	default:
		return p.projected(ctx, pod, volume.Projected)
	}
}

func (p *projector) projected(ctx context.Context, pod *corev1.Pod, v *corev1.ProjectedVolumeSource) (map[string]file, error) {
	all := map[string]file{}
	for _, source := range v.Sources {
		var files map[string]file
		var err error
		switch {
		case source.ServiceAccountToken != nil:
			var token string
			token, err = p.token(ctx, pod, source.ServiceAccountToken)
			files = map[string]file{source.ServiceAccountToken.Path: {token, mode(nil, v.DefaultMode)}}
		case source.ConfigMap != nil:
			s := source.ConfigMap
			data, readErr := p.agent.configMap(ctx, pod.Namespace, s.Name, s.Optional)
			files, err = pick(data, readErr, s.Items, v.DefaultMode, s.Optional)
		case source.Secret != nil:
			s := source.Secret
			data, readErr := p.agent.secret(ctx, pod.Namespace, s.Name, s.Optional)
			files, err = pick(data, readErr, s.Items, v.DefaultMode, s.Optional)
		case source.DownwardAPI != nil:
			files, err = downward(pod, source.DownwardAPI.Items, v.DefaultMode)
		}
		if err != nil {
			return nil, err
		}
		maps.Copy(all, files)
	}
	return all, nil
}

// token asks for a token bound to the Pod, and for the next one when four fifths of its life are over, as the kubelet
// does.
func (p *projector) token(ctx context.Context, pod *corev1.Pod, source *corev1.ServiceAccountTokenProjection) (string, error) {
	key := source.Audience + " " + source.Path
	p.mu.Lock()
	defer p.mu.Unlock()
	if issued, ok := p.tokens[key]; ok && time.Now().Before(issued.renewAt) {
		return issued.token, nil
	}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: source.ExpirationSeconds,
		BoundObjectRef:    &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID},
	}}
	if source.Audience != "" {
		request.Spec.Audiences = []string{source.Audience}
	}
	asked := time.Now()
	answer, err := p.agent.client.CoreV1().ServiceAccounts(pod.Namespace).
		CreateToken(ctx, pod.Spec.ServiceAccountName, request, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("token of ServiceAccount %s: %w", pod.Spec.ServiceAccountName, err)
	}
	life := answer.Status.ExpirationTimestamp.Sub(asked)
	p.tokens[key] = issuedToken{answer.Status.Token, asked.Add(life * 4 / 5)}
	return answer.Status.Token, nil
}

// pick selects the keys that a volume names, or all, of data that was read with err.
func pick(data map[string][]byte, err error, items []corev1.KeyToPath, defaultMode *int32, optional *bool) (map[string]file, error) {
	if err != nil {
		return nil, err
	}
	files := map[string]file{}
	if len(items) == 0 {
		for key, value := range data {
			files[key] = file{string(value), mode(nil, defaultMode)}
		}
		return files, nil
	}
	for _, item := range items {
		value, found := data[item.Key]
		if !found && (optional == nil || !*optional) {
			return nil, fmt.Errorf("key %q is not there", item.Key)
		}
		if found {
			files[item.Path] = file{string(value), mode(item.Mode, defaultMode)}
		}
	}
	return files, nil
}

func downward(pod *corev1.Pod, items []corev1.DownwardAPIVolumeFile, defaultMode *int32) (map[string]file, error) {
	files := map[string]file{}
	for _, item := range items {
		value, err := downwardValue(pod, item)
		if err != nil {
			return nil, fmt.Errorf("downwardAPI item %s: %w", item.Path, err)
		}
		files[item.Path] = file{value, mode(item.Mode, defaultMode)}
	}
	return files, nil
}

func downwardValue(pod *corev1.Pod, item corev1.DownwardAPIVolumeFile) (string, error) {
	if item.FieldRef != nil {
		return fieldValue(pod, item.FieldRef.FieldPath)
	}
	for _, container := range pod.Spec.Containers {
		if container.Name == item.ResourceFieldRef.ContainerName {
			return resourceValue(&container, nodeCapacity, item.ResourceFieldRef)
		}
	}
	return "", fmt.Errorf("container %q is not there", item.ResourceFieldRef.ContainerName)
}

// mode is an item's own mode, or the volume's; 0644 is the default of the API.
func mode(own, volume *int32) fs.FileMode {
	for _, m := range []*int32{own, volume} {
		if m != nil {
			return fs.FileMode(*m) & fs.ModePerm
		}
	}
	return 0o644
}
