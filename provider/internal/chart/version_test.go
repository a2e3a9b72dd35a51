package chart_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/modelplane/pulumi-modelplane/provider/internal/chart"
)

const (
	tooOld  = "older Traefiks do not start with the gateway's settings, or have known security holes; use v3.7.13 or newer"
	stateIt = "state the version of its Traefik in traefikVersion"
)

// TestTraefikIsNewEnough would catch a Traefik that mixes up routes being let in, and one that is fine being refused.
func TestTraefikIsNewEnough(t *testing.T) {
	for _, c := range []struct{ values, stated, path, message string }{
		{},
		{values: `image: {tag: ""}`},
		{values: `image: {tag: v3.7.13}`},
		{values: `image: {tag: 3.7.13}`},
		{values: `image: {tag: v3.8.0}`},
		{values: `image: {tag: v3.8.0-rc.1}`},
		{values: `image: {tag: "v3.7.13@sha256:0000"}`},
		{values: `image: {registry: mirror.example, repository: library/traefik}`},
		{values: `image: {repository: null, digest: null}`},
		{values: `image: {tag: latest}`, stated: "3.7.14"},
		{values: `image: {digest: "sha256:0000"}`, stated: "v3.7.13"},
		{values: `image: {repository: example/edge, tag: v1.0.0}`, stated: "3.7.13"},
		{values: `hub: {enabled: true}`, stated: "3.7.13"},
		{`image: {tag: v3.7.11}`, "", "values.image.tag", "is Traefik 3.7.11; " + tooOld},
		{`image: {tag: v3.7.12}`, "", "values.image.tag", "is Traefik 3.7.12; " + tooOld},
		{`image: {tag: v3.7.13-rc.1}`, "", "values.image.tag", "is Traefik 3.7.13-rc.1; " + tooOld},
		{`image: {tag: v2.11.40}`, "", "values.image.tag", "is Traefik 2.11.40; " + tooOld},
		{`image: {tag: latest}`, "", "values.image.tag", "does not tell the version of Traefik; " + stateIt},
		{`image: {tag: v3.7}`, "", "values.image.tag", "does not tell the version of Traefik; " + stateIt},
		{`image: {tag: v3.7.x}`, "", "values.image.tag", "does not tell the version of Traefik; " + stateIt},
		{`image: {tag: null}`, "", "values.image.tag", "leaves the choice of Traefik to the chart; name a version, or " + stateIt},
		{`image: null`, "", "values.image", "leaves the choice of Traefik to the chart; name a version, or " + stateIt},
		{`image: {digest: "sha256:0000"}`, "", "values.image.digest", "names an image without its version; " + stateIt},
		{`image: {repository: example/edge}`, "", "values.image.repository", "may hold another Traefik than its tags say; " + stateIt},
		{`oci_meta: {enabled: true}`, "", "values.oci_meta.enabled", "takes the image from elsewhere; " + stateIt},
		{`global: {azure: {enabled: true}}`, "", "values.global.azure.enabled", "takes the image from elsewhere; " + stateIt},
		{`hub: {token: license}`, "", "values.hub.token", "runs Traefik Hub, whose versions are others; " + stateIt},
		{``, "3.7.12", "traefikVersion", "is Traefik 3.7.12; " + tooOld},
		{``, "newest", "traefikVersion", "is not a version such as 3.7.13"},
		{``, "3.7", "traefikVersion", "is not a version such as 3.7.13"},
		{``, "3.007.13", "traefikVersion", "is not a version such as 3.7.13"},
	} {
		var want []chart.Problem
		if c.path != "" {
			want = []chart.Problem{{Path: c.path, Message: c.message}}
		}
		assert.Equal(t, want, chart.CheckVersion(parse(t, c.values), c.stated), "%s, stated %q", c.values, c.stated)
	}
}
