"""Shifts a service's traffic to a new model server step by step, and back by itself when it fails too often."""

import argparse
import json
import os
import signal
import sys
import threading

from rollout import RollbackFailed, Rollout, Stopped


def main() -> int:
    """Run the program and give its exit code, which tells a pipeline what happened."""
    options = parse()
    try:
        Rollout(options, until_signal()).run()
    except Exception as error:
        print(f"canary: {error}", file=sys.stderr)
        if isinstance(error, RollbackFailed):
            return 3
        return 130 if isinstance(error, Stopped) else 1
    return 0


def until_signal() -> threading.Event:
    """Give an event that the first signal sets. The second ends the program.

    Signals are blocked, and taken by a thread. Pulumi inherits that until it takes signals itself, so that a Ctrl-C in a terminal
    cannot end it before it can clean up.
    """
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    stop = threading.Event()

    def listen() -> None:
        signal.sigwait(signals)
        print("stopping; a second signal ends at once", file=sys.stderr)
        stop.set()
        signal.sigwait(signals)
        os._exit(130)

    threading.Thread(target=listen, daemon=True).start()
    return stop


def parse() -> argparse.Namespace:
    """Read the command line; ends the program where it is wrong."""
    parser = argparse.ArgumentParser(prog="canary", description=__doc__)
    add = parser.add_argument
    add("--stable", required=True, metavar="URL", help="base URL of the server that has the traffic now")
    add("--canary", required=True, metavar="URL", help="base URL of the server that is to have it")
    add("--gateway", required=True, metavar="JSON", help="the gateway: what pulumi stack output gateway prints")
    add("--model", required=True, metavar="NAME", help="the name of the model that probes ask for")
    add("--name", default="chat", help="the service's name (default: %(default)s)")
    add("--stack", metavar="NAME", help="the name of the stack (default: the service's)")
    add("--steps", default="5,25,50,100", metavar="PERCENT", help="the canary's shares (default: %(default)s)")
    add("--watch", default=30, metavar="SECONDS", type=float, help="how long each step is watched at least (default: %(default)s)")
    add("--probes", default=50, metavar="NUMBER", type=int,
        help="how many probes each step sends, to the canary and to the service (default: %(default)s)")
    add("--max-errors", default=1, metavar="PERCENT", type=float, help="how many of a step's probes may fail (default: %(default)s)")
    add("--dry-run", action="store_true", help="preview each step and change nothing")
    add("--destroy", action="store_true", help="take the service and its endpoints away")
    options = parser.parse_args()

    options.stack = options.stack or options.name
    if options.dry_run and options.destroy:
        parser.error("--dry-run and --destroy exclude each other")
    if options.watch < 0 or options.probes < 1 or options.max_errors < 0:
        parser.error("--watch and --max-errors take numbers from 0, --probes from 1")
    try:
        options.gateway = json.loads(options.gateway)
    except ValueError:
        parser.error("--gateway takes a JSON object with name, namespace and url")
    try:
        options.steps = rising(options.steps)
    except ValueError:
        parser.error("--steps takes rising numbers from 1 to 100, such as 5,25,50,100")
    return options


def rising(text: str) -> list[int]:
    """Parse percentages."""
    percents = [int(part) for part in text.split(",")]
    if any(not below < percent <= 100 for below, percent in zip([0, *percents], percents)):
        raise ValueError(text)
    return percents


if __name__ == "__main__":
    sys.exit(main())
