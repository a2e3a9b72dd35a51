package automation

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

// TestTheCanaryProgramsOfAllLanguagesDoTheSame builds each program once.
func TestTheCanaryProgramsOfAllLanguagesDoTheSame(t *testing.T) {
	g := newGateway(t)
	for _, language := range []string{"go", "typescript", "python"} {
		t.Run(language, func(t *testing.T) {
			p := build(t, language, g)
			t.Run("a good canary gets all the traffic", func(t *testing.T) { testAGoodCanaryGetsAllTheTraffic(t, p) })
			t.Run("a bad canary is rolled back", func(t *testing.T) { testABadCanaryIsRolledBack(t, p) })
			t.Run("a signal leaves the last good step", func(t *testing.T) { testASignalLeavesTheLastGoodStep(t, p) })
			t.Run("a wrong command line changes nothing", func(t *testing.T) { testAWrongCommandLineChangesNothing(t, p) })
		})
	}
}

// fast are probes that take no time; none of them may fail.
var fast = []string{"--watch", "0.2", "--probes", "20"}

// testAGoodCanaryGetsAllTheTraffic would catch a program that prints something else than those of the other languages, weights that
// are not those of the step, a dry run that changes something, a second run that starts over or changes something, a fault of the
// stable server that is blamed on the canary, and a --destroy that leaves an object.
func testAGoodCanaryGetsAllTheTraffic(t *testing.T, p program) {
	s := newTrial(t, p, "good")
	cluster := harness.NewCluster(t)
	before := cluster.Objects(t)

	assert.Equal(t, s.says(`
NAME: 0 % go to the canary CANARY
  0 %  preview: create 13
 50 %  preview: create 13
done: nothing is changed
`), s.run(0, "--steps", "50", "--dry-run"))
	assert.Empty(t, cluster.Left(t, before))

	assert.Equal(t, s.says(`
NAME: 0 % go to the canary CANARY
  0 %  up ...
  0 %  up: create 13; URL
  0 %  canary: 0 of 20 failed, service: 0 of 20 failed
 50 %  up ...
 50 %  up: update 1; URL
 50 %  canary: 0 of 20 failed, service: 0 of 20 failed
done: 50 % go to the canary
`), s.run(0, append(fast, "--steps", "50")...))
	assert.InDelta(t, 10, s.answers()["canary"], 3)

	s.stable.SetFailure(http.StatusServiceUnavailable)
	assert.Contains(t, s.run(1, append(fast, "--steps", "100")...), "stopped: 50 % go to the canary")
	s.stable.SetFailure(0)

	assert.Equal(t, s.says(`
NAME: 50 % go to the canary CANARY
 50 %  up ...
 50 %  up: no change; URL
 50 %  canary: 0 of 20 failed, service: 0 of 20 failed
100 %  up ...
100 %  up: update 1; URL
100 %  canary: 0 of 20 failed, service: 0 of 20 failed
done: 100 % go to the canary
`), s.run(0, append(fast, "--steps", "50,100")...))
	assert.Equal(t, map[string]int{"canary": 20}, s.answers())

	assert.Equal(t, s.says(`
NAME: destroy ...
done: delete 13
`), s.run(0, "--destroy"))
	assert.Empty(t, cluster.Left(t, before))
}

// says is what the program is to print of this scene.
func (s *trial) says(template string) string {
	names := strings.NewReplacer("NAME", s.name, "CANARY", "http://"+s.canary.Address()+"/v1", "URL", s.url)
	return names.Replace(strings.TrimPrefix(template, "\n"))
}

// testABadCanaryIsRolledBack would catch a canary that gets traffic before it is known to answer, or keeps it when it fails, and a way
// back that fails and is not called that.
func testABadCanaryIsRolledBack(t *testing.T, p program) {
	s := newTrial(t, p, "bad")
	s.canary.SetFailure(http.StatusServiceUnavailable)
	printed := s.run(1, fast...)
	assert.Contains(t, printed, "  0 %  canary: HTTP 503")
	assert.Contains(t, printed, "stopped: 0 % go to the canary")
	assert.Equal(t, 2, s.canary.Count())

	s.canary.SetFailure(0)
	s.run(0, append(fast, "--steps", "50")...)
	run := s.start("--watch", "600", "--probes", "6000", "--max-errors", "0", "--steps", "100")
	run.until(" 50 %  up: no change")
	s.disconnect()
	s.canary.SetFailure(http.StatusInternalServerError)
	printed = run.end(3)
	assert.Contains(t, printed, " 50 %  canary: HTTP 500")
	assert.NotContains(t, printed, "stopped:")
	assert.Contains(t, run.stderr.String(), "canary: the canary fails too often; rolling back failed too, look at the service: ")

	s.connect()
	printed = s.run(1, append(fast, "--steps", "100")...)
	assert.Contains(t, printed, "50 % go to the canary http")
	assert.Contains(t, printed, "stopped: 0 % go to the canary")
	assert.Equal(t, map[string]int{"stable": 20}, s.answers())
}

// testASignalLeavesTheLastGoodStep would catch a signal that cuts an update off, is taken for a failure of the canary, or is
// heeded only when the step is over; a second one that is not heeded at once.
func testASignalLeavesTheLastGoodStep(t *testing.T, p program) {
	s := newTrial(t, p, "signal")
	run := s.start("--watch", "6000", "--steps", "50")
	run.until("  0 %  up: create")
	run.interrupt()
	assert.Contains(t, run.end(130), "stopped: 0 % go to the canary")

	run = s.start(append(fast, "--steps", "50,100")...)
	run.until("100 %  up ...")
	run.terminate()
	printed := run.end(130)
	assert.Contains(t, printed, "100 %  up: update 1")
	assert.Contains(t, printed, "stopped: 50 % go to the canary")
	assert.InDelta(t, 10, s.answers()["canary"], 3)

	run = s.start(append(fast, "--steps", "50,100")...)
	run.until("100 %  up ...")
	run.terminate()
	run.until("stopping")
	run.terminate()
	assert.NotContains(t, run.end(130), "stopped:")
}

// testAWrongCommandLineChangesNothing would catch a fault that is found when the canary has traffic already, or not at all.
func testAWrongCommandLineChangesNothing(t *testing.T, p program) {
	s := newTrial(t, p, "wrong")
	for sentence, args := range map[string][]string{
		"--steps takes rising numbers":               {"--steps", "50,25"},
		"--gateway takes a JSON object":              {"--gateway", "shared"},
		"--dry-run and --destroy exclude each other": {"--dry-run", "--destroy"},
	} {
		run := s.start(args...)
		assert.Empty(t, run.end(2))
		assert.Contains(t, run.stderr.String(), sentence)
	}
}
