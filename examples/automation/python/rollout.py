"""The rollout: steps, each previewed, made and observed; and the way back."""

import time
from argparse import Namespace

from openai import APIError, APIStatusError, OpenAI
from pulumi import automation

from program import program

# How many seconds Traefik may take to serve a route that it has accepted; it reads changes every two seconds.
SERVING = 5


class Stopped(Exception):
    """A signal came."""


class CanaryFails(Exception):
    """The canary's own probes fail."""


class Rollout:
    """One run of the program. A signal handler sets stopping."""

    def __init__(self, options: Namespace):
        self.options = options
        self.stopping = False

    def run(self) -> None:
        """Go from the share that stands through the steps above it."""
        options = self.options
        self.stack = automation.create_or_select_stack(options.stack, project_name="canary", program=program(options, 0))
        outputs = self.stack.outputs()
        good = 0
        # Another canary starts from the beginning.
        if "canary" in outputs and outputs["canary"].value == options.canary:
            good = int(outputs["percent"].value)

        print(f"{options.name}: {good} % go to the canary {options.canary}", flush=True)
        for percent in [good, *(step for step in options.steps if step > good)]:
            try:
                self.step(percent)
            except Exception as error:
                # A terminal sends Ctrl-C to Pulumi as well, which then fails.
                cause = Stopped() if self.stopping else error
                self.back(percent, good, cause)
                raise cause
            good = percent
        if not options.dry_run:
            print(f"done: {good} % go to the canary", flush=True)

    def step(self, percent: int) -> None:
        self.stack.workspace.program = program(self.options, percent)
        preview = self.stack.preview()
        say(percent, f"preview: {changes(preview.change_summary)}")
        self.check()
        if not self.options.dry_run:
            self.observe(percent, self.up(percent))

    def up(self, percent: int) -> automation.OutputMap:
        """Is not cut by a signal: what it has done would be missing in the state."""
        self.stack.workspace.program = program(self.options, percent)
        outputs = self.stack.up().outputs
        say(percent, f"up: {outputs['url'].value}")
        return outputs

    def observe(self, percent: int, outputs: automation.OutputMap) -> None:
        """Fail when the canary does, or the service. Only the canary's own probes tell which of the two it is."""
        canary = Probe("canary", self.options.model, outputs["canaryUrl"].value)
        service = Probe("service", self.options.model, outputs["url"].value)
        for probe in (canary, service):
            end = time.monotonic() + SERVING
            while probe.ask() == "HTTP 404" and time.monotonic() < end:
                time.sleep(SERVING / 50)

        probes = self.options.probes
        allowed = int(self.options.max_errors / 100 * probes)
        begin = time.monotonic()
        while canary.sent < probes and canary.failed <= allowed:
            self.check()
            canary.send(percent)
            service.send(percent)
            # A signal does not wake it up.
            time.sleep(max(0, begin + canary.sent * self.options.watch / probes - time.monotonic()))
        self.check()
        say(percent, f"{canary}, {service}")
        if canary.failed > allowed:
            raise CanaryFails("the canary fails too often")
        if service.failed > allowed:
            raise RuntimeError("the service fails too often, and it is not the canary")

    def back(self, percent: int, good: int, cause: Exception) -> None:
        """Take all traffic from a canary that fails. Where the cause is another, the last good step stays."""
        if self.options.dry_run:
            return
        if isinstance(cause, CanaryFails):
            good = 0
        if percent != good:
            try:
                self.up(good)
            except automation.CommandError as error:
                raise RuntimeError(f"{cause}; the way back to {good} % failed too, look at the service: {error}") from cause
        print(f"stopped: {good} % go to the canary", flush=True)

    def check(self) -> None:
        if self.stopping:
            raise Stopped


class Probe:
    """Sends chat requests to one URL, and counts."""

    def __init__(self, name: str, model: str, url: str):
        self.name, self.model = name, model
        self.client = OpenAI(base_url=url, api_key="unused", max_retries=0, timeout=10)
        self.sent = self.failed = 0

    def send(self, percent: int) -> None:
        self.sent += 1
        if fault := self.ask():
            self.failed += 1
            say(percent, f"{self.name}: {fault}")

    def ask(self) -> str:
        """Give what was wrong; empty if all is well."""
        try:
            self.client.chat.completions.create(
                model=self.model, messages=[{"role": "user", "content": "Hello"}], max_completion_tokens=1
            )
        except APIStatusError as error:
            return f"HTTP {error.status_code}"
        except APIError:
            return "no answer"
        return ""

    def __str__(self) -> str:
        return f"{self.name}: {self.failed} of {self.sent} failed"


def changes(summary: automation.OpMap) -> str:
    """Say what a preview would do."""
    kinds = ("create", "update", "replace", "delete")
    return ", ".join(f"{summary[kind]} to {kind}" for kind in kinds if kind in summary) or "no change"


def say(percent: int, event: str) -> None:
    """Print an event of a step."""
    print(f"{percent:3} %  {event}", flush=True)
