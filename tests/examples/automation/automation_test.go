package automation

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/modelplane/pulumi-modelplane/tests/harness"
)

// fast are probes that do not take time; none may fail.
var fast = []string{"--watch", "0.2", "--probes", "20"}

// TestAGoodCanaryGetsAllTheTraffic would catch weights that are not those of the step, a second run that starts anew, and a
// dry run that changes something.
func TestAGoodCanaryGetsAllTheTraffic(t *testing.T) {
	inEveryLanguage(t, func(t *testing.T, language string, command []string) {
		s := newScene(t, "good", language, command)
		assert.Contains(t, s.run(0, append(fast, "--steps", "50")...), "done: 50 % go to the canary")
		assert.InDelta(t, 10, s.answers()["canary"], 3)

		cluster := harness.NewCluster(t)
		before := cluster.Objects(t)
		assert.Contains(t, s.run(0, append(fast, "--steps", "50,100", "--dry-run")...), "100 %  preview: 1 to update")
		assert.Equal(t, harness.Names(before), harness.Names(cluster.Objects(t)))
		assert.InDelta(t, 10, s.answers()["canary"], 3)

		assert.Contains(t, s.run(0, append(fast, "--steps", "50,100")...), "done: 100 % go to the canary")
		assert.Equal(t, map[string]int{"canary": 20}, s.answers())
	})
}

// TestABadCanaryIsRolledBack would catch a canary that gets traffic before it is known to answer, or keeps it when it fails.
func TestABadCanaryIsRolledBack(t *testing.T) {
	inEveryLanguage(t, func(t *testing.T, language string, command []string) {
		s := newScene(t, "bad", language, command)
		s.canary.SetFailure(503)
		assert.Contains(t, s.run(1, fast...), "stopped: 0 % go to the canary")
		assert.Equal(t, 2, s.canary.Count())

		s.canary.SetFailure(0)
		p := s.start("--watch", "20", "--probes", "100", "--steps", "50,100")
		p.until(" 50 %  up:")
		s.canary.SetFailure(500)
		printed := p.end(1)
		assert.Contains(t, printed, " 50 %  canary: HTTP 500")
		assert.Contains(t, printed, "stopped: 0 % go to the canary")
		assert.Equal(t, map[string]int{"stable": 20}, s.answers())
	})
}

// TestASignalLeavesTheLastGoodStep would catch a Ctrl-C that cuts an update off, one that is taken for a failure of the canary, and a
// program that goes on as if there had been none.
func TestASignalLeavesTheLastGoodStep(t *testing.T) {
	inEveryLanguage(t, func(t *testing.T, language string, command []string) {
		s := newScene(t, "stopped", language, command)
		p := s.start(append(fast, "--steps", "50,100")...)
		p.until("100 %  preview")
		assert.NoError(t, syscall.Kill(-p.cmd.Process.Pid, syscall.SIGINT))
		assert.Contains(t, p.end(130), "stopped: 50 % go to the canary")

		p = s.start("--watch", "60", "--steps", "100")
		p.until(" 50 %  up:")
		assert.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
		assert.Contains(t, p.end(130), "stopped: 50 % go to the canary")
		assert.InDelta(t, 10, s.answers()["canary"], 3)
	})
}
