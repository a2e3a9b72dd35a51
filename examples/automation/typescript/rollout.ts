import { setTimeout as sleep } from "node:timers/promises";

import { LocalWorkspace, OpMap, OutputMap, Stack } from "@pulumi/pulumi/automation";

import { Probe } from "./probe";
import { Options, program } from "./program";

class CanaryFails extends Error {
    message = "the canary fails too often";
}

class ServiceFails extends Error {
    message = "the service fails too often, and it is not the canary";
}

export class RollbackFailed extends Error {}

/** Goes from the current share through the steps above it. */
export async function run(o: Options, stop: AbortSignal): Promise<void> {
    const stack = await LocalWorkspace.createOrSelectStack({ stackName: o.stack, projectName: "canary", program: program(o, 0) });
    const rollout = new Rollout(o, stack, stop);
    if (o.destroy) {
        return rollout.takeAway();
    }
    let good = await rollout.standing();

    console.log(`${o.name}: ${good} % go to the canary ${o.canary}`);
    for (const percent of [good, ...o.steps.filter((step) => step > good)]) {
        try {
            await rollout.step(percent);
        } catch (error) {
            // A terminal sends Ctrl-C to Pulumi as well, which then gives up its update.
            const cause = stop.aborted ? stop.reason : error;
            await rollout.back(percent, good, cause);
            throw cause;
        }
        good = percent;
    }
    console.log(o.dryRun ? "done: nothing is changed" : `done: ${good} % go to the canary`);
}

/** One run of the program. */
class Rollout {
    constructor(
        private readonly o: Options,
        private readonly stack: Stack,
        private readonly stop: AbortSignal,
    ) {}

    /** The canary's share as the last run left it. Another canary starts from the beginning. */
    async standing(): Promise<number> {
        const { canary, percent } = await this.stack.outputs();
        return canary?.value === this.o.canary ? percent.value : 0;
    }

    /** Tries one share. */
    async step(percent: number): Promise<void> {
        this.stop.throwIfAborted();
        if (this.o.dryRun) {
            await this.preview(percent);
        } else {
            await this.observe(percent, await this.up(percent));
        }
    }

    private async preview(percent: number): Promise<void> {
        this.stack.workspace.program = program(this.o, percent);
        const { changeSummary } = await this.stack.preview({ signal: this.stop });
        say(percent, `preview: ${changes(changeSummary)}`);
    }

    /** Takes no signal: an update that is cut off leaves a state that does not know what it has done. */
    private async up(percent: number): Promise<OutputMap> {
        say(percent, "up ...");
        this.stack.workspace.program = program(this.o, percent);
        const { summary, outputs } = await this.stack.up();
        say(percent, `up: ${changes(summary.resourceChanges ?? {})}; ${outputs.url.value}`);
        return outputs;
    }

    /** Fails when the canary does, or the service. Only the canary's own probes tell which of the two it is. */
    private async observe(percent: number, outputs: OutputMap): Promise<void> {
        const canary = new Probe("canary", this.o.model, outputs.canaryUrl.value, this.stop);
        const service = new Probe("service", this.o.model, outputs.url.value, this.stop);
        await canary.wait();
        await service.wait();

        const allowed = Math.floor((this.o.maxErrors / 100) * this.o.probes);
        const begin = Date.now();
        while (canary.sent < this.o.probes && canary.failed <= allowed) {
            for (const probe of [canary, service]) {
                const fault = await probe.send();
                if (fault) {
                    say(percent, `${probe.name}: ${fault}`);
                }
            }
            const next = begin + (canary.sent * this.o.watch * 1000) / this.o.probes;
            await sleep(next - Date.now(), undefined, { signal: this.stop });
        }
        say(percent, `${canary}, ${service}`);
        if (canary.failed > allowed) {
            throw new CanaryFails();
        }
        if (service.failed > allowed) {
            throw new ServiceFails();
        }
    }

    /** Takes all traffic from a canary that fails. Where the cause is another, the last good step stays. */
    async back(percent: number, good: number, cause: Error): Promise<void> {
        if (this.o.dryRun) {
            return;
        }
        const to = cause instanceof CanaryFails ? 0 : good;
        if (percent !== to) {
            await this.up(to).catch((error) => {
                throw new RollbackFailed(`${cause.message}; rolling back failed too, look at the service: ${error.message}`);
            });
        }
        console.log(`stopped: ${to} % go to the canary`);
    }

    async takeAway(): Promise<void> {
        console.log(`${this.o.name}: destroy ...`);
        const { summary } = await this.stack.destroy({ remove: true });
        console.log(`done: ${changes(summary.resourceChanges ?? {})}`);
    }
}

/** What Pulumi does, or did. */
function changes(summary: OpMap): string {
    const kinds = ["create", "update", "replace", "delete"] as const;
    const parts = kinds.filter((kind) => summary[kind]).map((kind) => `${kind} ${summary[kind]}`);
    return parts.join(", ") || "no change";
}

/** Prints an event of a step. */
function say(percent: number, event: string): void {
    console.log(`${String(percent).padStart(3)} %  ${event}`);
}
