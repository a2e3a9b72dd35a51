//go:build linux

package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// volumeRefresh is how often volumes follow their ConfigMaps, Secrets and tokens.
const volumeRefresh = 5 * time.Second

// volumes are the volumes of one Pod, a folder each.
type volumes struct {
	dir       string
	pod       func() *corev1.Pod
	projector *projector
}

// prepare makes every volume and fills it.
func (v *volumes) prepare(ctx context.Context) error {
	for _, volume := range v.pod().Spec.Volumes {
		dir := v.path(volume.Name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if volume.EmptyDir != nil {
			// Chmod, because the umask does not apply to it.
			if err := os.Chmod(dir, 0o777); err != nil {
				return err
			}
		}
	}
	return v.fill(ctx)
}

// follow keeps the volumes up to date until ctx ends. What cannot be read at the moment stays as it was.
func (v *volumes) follow(ctx context.Context, report func(error)) {
	ticker := time.NewTicker(volumeRefresh)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := v.fill(ctx); err != nil && ctx.Err() == nil {
				report(err)
			}
		}
	}
}

func (v *volumes) fill(ctx context.Context) error {
	pod := v.pod()
	var faults []error
	for _, volume := range pod.Spec.Volumes {
		if volume.EmptyDir != nil {
			continue
		}
		files, err := v.projector.files(ctx, pod, volume)
		if err == nil {
			err = publish(v.path(volume.Name), files, fsGroup(pod))
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("volume %s: %w", volume.Name, err))
		}
	}
	return errors.Join(faults...)
}

// mounts are what a container sees of the volumes.
func (v *volumes) mounts(container *corev1.Container, env *environment) ([]mount, error) {
	var mounts []mount
	for _, m := range container.VolumeMounts {
		source := v.path(m.Name)
		sub := m.SubPath
		if m.SubPathExpr != "" {
			sub = env.expand(m.SubPathExpr)
		}
		if sub != "" {
			source = filepath.Join(source, sub)
			if _, err := os.Stat(source); errors.Is(err, os.ErrNotExist) {
				if err := os.MkdirAll(source, 0o777); err != nil {
					return nil, fmt.Errorf("subPath %s of volume %s: %w", sub, m.Name, err)
				}
			}
		}
		mounts = append(mounts, mount{source, m.MountPath})
	}
	return mounts, nil
}

func (v *volumes) path(name string) string {
	return filepath.Join(v.dir, name)
}

// fsGroup is the group that owns a Pod's volumes, or nil.
func fsGroup(pod *corev1.Pod) *int64 {
	if pod.Spec.SecurityContext == nil || !mayChangeUsers() {
		return nil
	}
	return pod.Spec.SecurityContext.FSGroup
}
