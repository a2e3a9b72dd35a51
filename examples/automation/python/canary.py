"""Shifts a service's traffic to a new model server step by step, and back by itself when it fails too often."""

import argparse
import json
import os
import signal
import sys

from rollout import Rollout, Stopped


def main() -> int:
    options = parse()
    rollout = Rollout(options)

    def stop(*_):
        # print() must not be called from a signal handler.
        os.write(sys.stderr.fileno(), b"stopping; a running update is finished first\n")
        rollout.stopping = True

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    try:
        rollout.run()
    except Stopped:
        return 130
    except Exception as error:
        print(f"canary: {error}", file=sys.stderr)
        return 1
    return 0


def parse() -> argparse.Namespace:
    """Read the command line; ends the program where it is wrong."""
    parser = argparse.ArgumentParser(prog="canary", description=__doc__)
    add = parser.add_argument
    add("--stable", required=True, metavar="URL", help="base URL of the server that has the traffic now")
    add("--canary", required=True, metavar="URL", help="base URL of the server that is to have it")
    add("--gateway", required=True, metavar="JSON", type=json.loads, help="the gateway: what pulumi stack output gateway prints")
    add("--model", required=True, metavar="NAME", help="the name of the model that probes ask for")
    add("--name", default="chat", help="the service's name (default: %(default)s)")
    add("--stack", metavar="NAME", help="the name of the stack (default: the service's)")
    add("--steps", default="5,25,50,100", metavar="PERCENT", type=steps, help="the canary's shares (default: %(default)s)")
    add("--watch", default=30, metavar="SECONDS", type=float, help="how long each step is watched at least (default: %(default)s)")
    add("--probes", default=50, metavar="NUMBER", type=int,
        help="how many probes each step sends, to the canary and to the service (default: %(default)s)")
    add("--max-errors", default=1, metavar="PERCENT", type=float, help="how many of a step's probes may fail (default: %(default)s)")
    add("--dry-run", action="store_true", help="preview each step and change nothing")
    options = parser.parse_args()
    options.stack = options.stack or options.name
    return options


def steps(text: str) -> list[int]:
    """Parse percentages."""
    percents = [int(part) for part in text.split(",")]
    if any(not below < percent <= 100 for below, percent in zip([0, *percents], percents)):
        raise argparse.ArgumentTypeError("takes rising numbers from 1 to 100, such as 5,25,50,100")
    return percents


if __name__ == "__main__":
    sys.exit(main())
