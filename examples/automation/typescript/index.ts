// Shifts a service's traffic to a new model server step by step, and back by itself when it fails too often.
import { parseArgs } from "node:util";

import { Options } from "./program";
import { RollbackFailed, run } from "./rollout";

const usage = `Usage: canary --stable URL --canary URL --gateway JSON --model NAME
  --stable URL          base URL of the server that has the traffic now
  --canary URL          base URL of the server that is to have it
  --gateway JSON        the gateway: what pulumi stack output gateway prints
  --model NAME          the name of the model that probes ask for
  --name NAME           the service's name (default: chat)
  --stack NAME          the name of the stack (default: the service's)
  --steps PERCENT       the canary's shares (default: 5,25,50,100)
  --watch SECONDS       how long each step is watched at least (default: 30)
  --probes NUMBER       how many probes each step sends, to the canary and to the service (default: 50)
  --max-errors PERCENT  how many of a step's probes may fail (default: 1)
  --dry-run             preview each step and change nothing
  --destroy             take the service and its endpoints away`;

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
            destroy: { type: "boolean", default: false },
            help: { type: "boolean" },
        },
    });
    if (values.help) {
        console.log(usage);
        process.exit(0);
    }
    const { stable, canary, model, name, destroy, "dry-run": dryRun } = values;
    if (!stable || !canary || !values.gateway || !model) {
        throw new Error("--stable, --canary, --gateway and --model are required");
    }
    if (dryRun && destroy) {
        throw new Error("--dry-run and --destroy exclude each other");
    }
    const [watch, probes, maxErrors] = [values.watch, values.probes, values["max-errors"]].map(Number);
    if (!(watch >= 0 && probes >= 1 && maxErrors >= 0)) {
        throw new Error("--watch and --max-errors take numbers from 0, --probes from 1");
    }
    let gateway: Options["gateway"];
    try {
        gateway = JSON.parse(values.gateway);
    } catch {
        throw new Error("--gateway takes a JSON object with name, namespace and url");
    }
    const steps = values.steps.split(",").map(Number);
    if (!steps.every((step, i) => Number.isInteger(step) && step > (steps[i - 1] ?? 0) && step <= 100)) {
        throw new Error("--steps takes rising numbers from 1 to 100, such as 5,25,50,100");
    }
    return { stable, canary, gateway, model, name, stack: values.stack ?? name, steps, watch, probes, maxErrors, dryRun, destroy };
}

/** Is aborted by the first signal. The second ends the program. */
function untilSignal(): AbortSignal {
    const controller = new AbortController();
    const stop = () => {
        if (controller.signal.aborted) {
            process.exit(130);
        }
        console.error("stopping; a second signal ends at once");
        controller.abort(new Error("stopped by a signal"));
    };
    process.on("SIGINT", stop).on("SIGTERM", stop);
    return controller.signal;
}

/** Gives the exit code, which tells a pipeline what happened. */
async function main(): Promise<number> {
    let options: Options;
    try {
        options = parse();
    } catch (error) {
        console.error(`canary: ${(error as Error).message}\n${usage}`);
        return 2;
    }
    const stop = untilSignal();
    try {
        await run(options, stop);
        return 0;
    } catch (error) {
        console.error(`canary: ${(error as Error).message}`);
        if (error instanceof RollbackFailed) {
            return 3;
        }
        return error === stop.reason ? 130 : 1;
    }
}

main().then((code) => process.exit(code));
