package endpoint

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"github.com/modelplane/pulumi-modelplane/provider/internal/target"
)

// change is one change of an endpoint, of those that it applies to.
type change struct {
	applies func(sample) bool
	make    func(*rapid.T, *sample)
}

// TestEveryPartOfReachIsInItsHash would catch a part of reach that is missing from its hash: a change of it would be made to objects
// in use, one after the other, and requests between two writes would meet half of it.
func TestEveryPartOfReachIsInItsHash(t *testing.T) {
	for name, c := range map[string]change{
		"scheme": {
			func(s sample) bool { return !s.isIP() && len(s.hosts) == 1 },
			func(_ *rapid.T, s *sample) {
				s.scheme = map[string]string{target.HTTP: target.HTTPS, target.HTTPS: target.HTTP}[s.scheme]
				s.args.TLS, s.args.Protocol = nil, ptr.To(HTTP1)
			},
		},
		"port": {always, func(t *rapid.T, s *sample) { s.port = other(t, rapid.IntRange(1, 65535), s.port) }},
		"path": {
			func(s sample) bool { return s.args.RewritePath == nil },
			func(t *rapid.T, s *sample) { s.path = other(t, paths, s.path) },
		},
		"rewritten path": {always, func(t *rapid.T, s *sample) { s.args.RewritePath = ptr.To(other(t, paths, planOf(*s).BasePath)) }},
		"family of addresses": {
			sample.isIP,
			func(t *rapid.T, s *sample) {
				s.family = map[string]string{"IPv4": "IPv6", "IPv6": "IPv4"}[s.family]
				s.hosts = drawHosts(t, s.family)
			},
		},
		"address to name": {
			sample.isIP,
			func(t *rapid.T, s *sample) { s.family, s.hosts = "name", []string{hostnames.Draw(t, "name")} },
		},
		"name": {
			func(s sample) bool { return !s.isIP() && s.args.HostHeader != nil },
			func(t *rapid.T, s *sample) { s.hosts = []string{other(t, longHostnames, s.hosts[0])} },
		},
		"further name": {
			func(s sample) bool {
				return !s.isIP() && s.args.HostHeader != nil && (s.args.TLS == nil || s.args.TLS.ServerName != nil)
			},
			func(_ *rapid.T, s *sample) { s.hosts = append(s.hosts, "further.example.com") },
		},
		"Host header": {always, func(t *rapid.T, s *sample) { s.args.HostHeader = ptr.To(other(t, hostnames, planOf(*s).HostHeader)) }},
		"model":       {always, func(t *rapid.T, s *sample) { s.args.Model = ptr.To(other(t, models, planOf(*s).Model)) }},
		"protocol": {
			func(s sample) bool { return s.scheme == target.HTTP },
			func(_ *rapid.T, s *sample) {
				s.args.Protocol = ptr.To(map[Protocol]Protocol{HTTP1: H2C, H2C: HTTP1}[*s.args.Protocol])
			},
		},
		"verification by default": {
			func(s sample) bool { return s.args.TLS != nil && !s.isIP() && len(s.hosts) == 1 },
			func(_ *rapid.T, s *sample) { s.args.TLS = nil },
		},
		"server name": {hasTLS, func(t *rapid.T, s *sample) {
			s.setTLS(func(tls *TLS) { tls.ServerName = ptr.To(other(t, hostnames, planOf(*s).TLS.ServerName)) })
		}},
		"authorities": {
			func(s sample) bool { return hasTLS(s) && s.args.TLS.CACertificate == nil },
			func(_ *rapid.T, s *sample) {
				s.setTLS(func(tls *TLS) { tls.CACertificate, tls.CACertificateRef = ptr.To(authority()), nil })
			},
		},
		"one authority more": {
			func(s sample) bool { return hasTLS(s) && s.args.TLS.CACertificate != nil },
			func(_ *rapid.T, s *sample) {
				s.setTLS(func(tls *TLS) { tls.CACertificate = ptr.To(authority() + authority()) })
			},
		},
		"object of the authorities": {hasTLS, func(t *rapid.T, s *sample) {
			ref := CACertificate{ConfigMapKind, objectNames.Draw(t, "other")}
			if now := s.args.TLS.CACertificateRef; now != nil && now.Name == ref.Name && now.Kind == ConfigMapKind {
				ref.Kind = SecretKind
			}
			s.setTLS(func(tls *TLS) { tls.CACertificate, tls.CACertificateRef = nil, &ref })
		}},
		"key or none": {always, func(_ *rapid.T, s *sample) {
			if s.isKeyed() {
				s.args.APIKey, s.args.APIKeySecretRef, s.args.APIKeyHeader = nil, nil, nil
			} else {
				s.args.APIKey = ptr.To("not-a-real-key")
			}
		}},
		"caller": {always, func(_ *rapid.T, s *sample) { s.args.ForwardCaller = !s.args.ForwardCaller }},
		"where the key is kept": {sample.isKeyed, func(_ *rapid.T, s *sample) {
			s.args.APIKey, s.args.APIKeySecretRef = nil, &SecretKey{"other", "key"}
		}},
		"header of the key": {sample.isKeyed, func(t *rapid.T, s *sample) {
			s.args.APIKeyHeader = ptr.To(other(t, keyHeaders, ptr.Deref(s.args.APIKeyHeader, "")))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				before, after := c.draw(t)
				assert.NotEqual(t, planOf(before).hash(), planOf(after).hash())
			})
		})
	}
}

// TestTheHashIsOfReachAlone would catch a hash of more than reach: objects would be replaced, and the routes of all
// services with them, where one write would do or nothing changed at all.
func TestTheHashIsOfReachAlone(t *testing.T) {
	for name, c := range map[string]change{
		"nothing":   {always, func(*rapid.T, *sample) {}},
		"addresses": {sample.isIP, func(t *rapid.T, s *sample) { s.hosts = drawHosts(t, s.family) }},
		"what the route alone says": {always, func(_ *rapid.T, s *sample) {
			s.args.Headers = &Headers{Set: map[string]string{"Other": "value"}, Remove: []string{"Cookie"}}
		}},
		"labels and annotations": {always, func(_ *rapid.T, s *sample) {
			s.args.Labels, s.args.Annotations = map[string]string{"other": ""}, map[string]string{"other": ""}
		}},
		"the key itself": {
			func(s sample) bool { return s.args.APIKey != nil },
			func(_ *rapid.T, s *sample) { s.args.APIKey = ptr.To("another-key") },
		},
		"capital letters": {always, func(_ *rapid.T, s *sample) {
			s.scheme = strings.ToUpper(s.scheme)
			for i, host := range s.hosts {
				s.hosts[i] = strings.ToUpper(host)
			}
		}},
		"slash at the end": {always, func(_ *rapid.T, s *sample) { s.path += "/" }},
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				before, after := c.draw(t)
				assert.Equal(t, planOf(before).hash(), planOf(after).hash())
			})
		})
	}
}

// TestAURLThatLeavesOutItsPortHasTheSameHash would catch a hash of the text instead of what it means.
func TestAURLThatLeavesOutItsPortHasTheSameHash(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := samples.Draw(t, "endpoint")
		s.hosts, s.port = s.hosts[:1], map[string]int{target.HTTP: 80, target.HTTPS: 443}[s.scheme]
		short := s.args
		short.URL = fmt.Sprintf("%s://%s%s", s.scheme, s.hosts[0], s.path)
		p, faults := decide(short.Server, s.isKeyed())
		require.Empty(t, faults)
		assert.Equal(t, planOf(s).hash(), p.hash())
	})
}

// draw is an endpoint that the change applies to, before and after; both are accepted.
func (c change) draw(t *rapid.T) (before, after sample) {
	before = samples.Filter(c.applies).Draw(t, "before")
	after = before
	after.hosts = append([]string{}, before.hosts...)
	c.make(t, &after)
	require.Empty(t, check("after", after.arguments()))
	return before, after
}

func planOf(s sample) plan {
	p, _ := decide(s.arguments().Server, s.isKeyed())
	return p
}

func (s sample) isKeyed() bool { return isKeyed(s.args.Server, s.args.Credential) }

// setTLS changes a copy: what was drawn before keeps its own.
func (s *sample) setTLS(set func(*TLS)) {
	tls := *s.args.TLS
	set(&tls)
	s.args.TLS = &tls
}

func always(sample) bool   { return true }
func hasTLS(s sample) bool { return s.args.TLS != nil }

func other[T comparable](t *rapid.T, of *rapid.Generator[T], than T) T {
	return of.Filter(func(drawn T) bool { return drawn != than }).Draw(t, "other")
}
