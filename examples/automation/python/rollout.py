"""The rollout: steps, each made and observed; and the rollback."""

import time
from argparse import Namespace
from threading import Event

from pulumi import automation

from probe import Probe
from program import program


class CanaryFails(Exception):
    """The canary's own probes fail."""


class ServiceFails(Exception):
    """The service fails, and the canary does not."""


class Stopped(Exception):
    """A signal came."""


class RollbackFailed(Exception):
    """The last good step could not be made again."""


class Rollout:
    """One run of the program, which ends early when stop is set."""

    def __init__(self, options: Namespace, stop: Event):
        self.options, self.stop = options, stop
        self.stack = automation.create_or_select_stack(options.stack, project_name="canary", program=program(options, 0))

    def run(self) -> None:
        """Go from the current share through the steps above it."""
        options = self.options
        if options.destroy:
            self.take_away()
            return
        good = self.standing()

        emit(f"{options.name}: {good} % go to the canary {options.canary}")
        for percent in [good, *(step for step in options.steps if step > good)]:
            try:
                self.step(percent)
            except Exception as error:
                # A terminal sends Ctrl-C to Pulumi as well, which then gives up its update.
                cause = Stopped("stopped by a signal") if self.stop.is_set() else error
                self.back(percent, good, cause)
                raise cause
            good = percent
        emit("done: nothing is changed" if options.dry_run else f"done: {good} % go to the canary")

    def standing(self) -> int:
        """Give the canary's share as the last run left it. Another canary starts from the beginning."""
        outputs = self.stack.outputs()
        if "canary" not in outputs or outputs["canary"].value != self.options.canary:
            return 0
        return int(outputs["percent"].value)

    def step(self, percent: int) -> None:
        """Try one share."""
        self.check()
        if self.options.dry_run:
            self.preview(percent)
        else:
            self.observe(percent, self.up(percent))

    def preview(self, percent: int) -> None:
        self.stack.workspace.program = program(self.options, percent)
        preview = self.stack.preview()
        say(percent, f"preview: {changes(preview.change_summary)}")

    def up(self, percent: int) -> automation.OutputMap:
        """Is not cut off by a signal: that would leave a state that does not know what it has done."""
        say(percent, "up ...")
        self.stack.workspace.program = program(self.options, percent)
        up = self.stack.up()
        say(percent, f"up: {changes(up.summary.resource_changes)}; {up.outputs['url'].value}")
        return up.outputs

    def observe(self, percent: int, outputs: automation.OutputMap) -> None:
        """Fail when the canary does, or the service. Only the canary's own probes tell which of the two it is."""
        options = self.options
        canary = Probe("canary", options.model, outputs["canaryUrl"].value)
        service = Probe("service", options.model, outputs["url"].value)
        canary.wait()
        service.wait()

        allowed = int(options.max_errors / 100 * options.probes)
        begin = time.monotonic()
        while canary.sent < options.probes and canary.failed <= allowed:
            for probe in (canary, service):
                self.check()
                if fault := probe.send():
                    say(percent, f"{probe.name}: {fault}")
            self.stop.wait(begin + canary.sent * options.watch / options.probes - time.monotonic())
        self.check()
        say(percent, f"{canary}, {service}")
        if canary.failed > allowed:
            raise CanaryFails("the canary fails too often")
        if service.failed > allowed:
            raise ServiceFails("the service fails too often, and it is not the canary")

    def back(self, percent: int, good: int, cause: Exception) -> None:
        """Take all traffic from a canary that fails. Where the cause is another, the last good step stays."""
        if self.options.dry_run:
            return
        if isinstance(cause, CanaryFails):
            good = 0
        if percent != good:
            try:
                self.up(good)
            except Exception as error:
                raise RollbackFailed(f"{cause}; rolling back failed too, look at the service: {error}") from cause
        emit(f"stopped: {good} % go to the canary")

    def take_away(self) -> None:
        emit(f"{self.options.name}: destroy ...")
        destroyed = self.stack.destroy(remove=True)
        emit(f"done: {changes(destroyed.summary.resource_changes)}")

    def check(self) -> None:
        if self.stop.is_set():
            raise Stopped


def changes(summary: automation.OpMap) -> str:
    """Say what Pulumi does, or did."""
    kinds = ("create", "update", "replace", "delete")
    return ", ".join(f"{kind} {summary[kind]}" for kind in kinds if kind in summary) or "no change"


def say(percent: int, event: str) -> None:
    """Print an event of a step."""
    emit(f"{percent:3} %  {event}")


def emit(line: str) -> None:
    """Print at once, also where the output is a file or a pipe."""
    print(line, flush=True)
