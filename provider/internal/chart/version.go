package chart

import (
	"fmt"
	"path"
	"strings"

	"github.com/blang/semver/v4"
)

// floor is the oldest Traefik that serves what we write: before 3.7.0 it ignores filters on backendRefs, up to 3.7.5 it
// mixes up the filters of routes that share a Service (CVE-2026-54765), before 3.7.10 routes can collide
// (CVE-2026-71327), before 3.7.11 a %2F in a rewritten path is lost, and before 3.7.12 it does not start, because it does
// not know aliasHeadersStrategy. 3.7.13 closes holes: before it, request targets that are opaque and trailers get past
// what a middleware removes (https://github.com/traefik/traefik/releases/tag/v3.7.13).
var floor = semver.MustParse("3.7.13")

// tooOld says why to the user.
const tooOld = "older Traefiks do not start with the gateway's settings, or have known security holes; use v3.7.13 or newer"

// stateIt says how to go on.
const stateIt = "state the version of its Traefik in traefikVersion"

// CheckVersion finds whether the user's values bring a Traefik that is too old, or one whose version cannot be told from
// its image and was not stated either. A stated version takes precedence over the image's tag; "" states nothing.
func CheckVersion(user map[string]any, stated string) []Problem {
	if stated != "" {
		return checkVersion("traefikVersion", stated, "is not a version such as 3.7.13")
	}
	for _, r := range otherImages {
		if at, value, given := find(user, strings.Split(r.path, ".")); given && r.breaks(value) {
			return []Problem{{"values." + at, r.why + "; " + stateIt}}
		}
	}
	at, value, given := find(user, []string{"image", "tag"})
	if !given || value == "" {
		return nil
	}
	tag, isString := value.(string)
	if !isString {
		return []Problem{{"values." + at, "leaves the choice of Traefik to the chart; name a version, or " + stateIt}}
	}
	version, _, _ := strings.Cut(tag, "@")
	return checkVersion("values.image.tag", version, "does not tell the version of Traefik; "+stateIt)
}

// otherImages are the values with which the chart takes another image than Traefik's own, or takes it by another name.
var otherImages = []rule{
	{"image.digest", notEmpty, "names an image without its version"},
	{"image.repository", otherRepository, "may hold another Traefik than its tags say"},
	{"oci_meta.enabled", isTrue, "takes the image from elsewhere"},
	{"global.azure.enabled", isTrue, "takes the image from elsewhere"},
	{"hub.enabled", isTrue, "runs Traefik Hub, whose versions are others"},
	{"hub.token", notEmpty, "runs Traefik Hub, whose versions are others"},
}

// otherRepository breaks on all but mirrors of Traefik's repository, which keep its name.
func otherRepository(value any) bool {
	name, _ := value.(string)
	return notEmpty(value) && path.Base(name) != "traefik"
}

// checkVersion takes only whole versions: the version behind a tag such as v3.7 changes from day to day.
func checkVersion(at, version, unclear string) []Problem {
	parsed, err := semver.Parse(strings.TrimPrefix(version, "v"))
	if err != nil {
		return []Problem{{at, unclear}}
	}
	if parsed.LT(floor) {
		return []Problem{{at, fmt.Sprintf("is Traefik %s; %s", parsed, tooOld)}}
	}
	return nil
}

// TraefikVersion is the version that runs with the user's values, which have passed [CheckVersion]. What is stated goes before
// what the image's tag says; "" states nothing.
func TraefikVersion(user map[string]any, stated string) string {
	version := stated
	if version == "" {
		version = DefaultTag
		if _, value, given := find(user, []string{"image", "tag"}); given {
			if tag, _ := value.(string); tag != "" {
				version, _, _ = strings.Cut(tag, "@")
			}
		}
	}
	return strings.TrimPrefix(version, "v")
}
