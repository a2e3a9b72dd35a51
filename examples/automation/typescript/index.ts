// Shifts a service's traffic to a new model server step by step, and back by itself when it fails too often.
import { parseArgs } from "node:util";

import { Options } from "./program";
import { run } from "./rollout";

const usage = `Usage: canary --stable URL --canary URL --gateway JSON --model NAME
  --stable URL         base URL of the server that has the traffic now
  --canary URL         base URL of the server that is to have it
  --gateway JSON       the gateway: what pulumi stack output gateway prints
  --model NAME         the name of the model that probes ask for
  --name NAME          the service's name (default: chat)
  --stack NAME         the name of the stack (default: the service's)
  --steps PERCENT      the canary's shares (default: 5,25,50,100)
  --watch SECONDS      how long each step is watched at least (default: 30)
  --probes NUMBER      how many probes each step sends, to the canary and to the service (default: 50)
  --max-errors PERCENT how many of a step's probes may fail (default: 1)
  --dry-run            preview each step and change nothing`;

/** Throws where the command line is wrong. */
function parse(): Options {
    const { values } = parseArgs({
        options: {
            stable: { type: "string" },
            canary: { type: "string" },
            gateway: { type: "string" },
            model: { type: "string" },
            name: { type: "string", default: "chat" },
            stack: { type: "string" },
            steps: { type: "string", default: "5,25,50,100" },
            watch: { type: "string", default: "30" },
            probes: { type: "string", default: "50" },
            "max-errors": { type: "string", default: "1" },
            "dry-run": { type: "boolean", default: false },
        },
    });
    const { stable, canary, gateway, model, name } = values;
    if (!stable || !canary || !gateway || !model) {
        throw new Error("--stable, --canary, --gateway and --model are required");
    }
    const [watch, probes, maxErrors] = [values.watch, values.probes, values["max-errors"]].map(Number);
    if (!(watch >= 0 && probes >= 1 && maxErrors >= 0)) {
        throw new Error("--watch, --probes and --max-errors take numbers");
    }
    const steps = values.steps.split(",").map(Number);
    if (!steps.every((step, i) => Number.isInteger(step) && step <= 100 && step > (steps[i - 1] ?? 0))) {
        throw new Error("--steps takes rising numbers from 1 to 100, such as 5,25,50,100");
    }
    return {
        stable, canary, model, name, steps, watch, probes, maxErrors,
        gateway: JSON.parse(gateway),
        stack: values.stack ?? name,
        dryRun: values["dry-run"],
    };
}

async function main(): Promise<number> {
    let options: Options;
    try {
        options = parse();
    } catch (error) {
        console.error(`canary: ${(error as Error).message}\n${usage}`);
        return 2;
    }
    const stop = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"]) {
        process.on(signal, () => {
            console.error("stopping; a running update is finished first");
            stop.abort();
        });
    }
    try {
        await run(options, stop.signal);
        return 0;
    } catch (error) {
        if (error === stop.signal.reason) {
            return 130;
        }
        console.error(`canary: ${(error as Error).message}`);
        return 1;
    }
}

main().then((code) => process.exit(code));
