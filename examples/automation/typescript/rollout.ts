import { setTimeout as sleep } from "node:timers/promises";

import { LocalWorkspace, OpMap, OutputMap, Stack } from "@pulumi/pulumi/automation";
import OpenAI from "openai";

import { Options, program } from "./program";

/** How many milliseconds Traefik may take to serve a route that it has accepted; it reads changes every two seconds. */
const serving = 5000;

class CanaryFails extends Error {
    message = "the canary fails too often";
}

class ServiceFails extends Error {
    message = "the service fails too often, and it is not the canary";
}

/** Goes from the share that stands through the steps above it. */
export async function run(o: Options, stop: AbortSignal): Promise<void> {
    const stack = await LocalWorkspace.createOrSelectStack({ stackName: o.stack, projectName: "canary", program: program(o, 0) });
    const { percent: standing, canary } = await stack.outputs();
    // Another canary starts from the beginning.
    let good: number = canary?.value === o.canary ? standing.value : 0;

    console.log(`${o.name}: ${good} % go to the canary ${o.canary}`);
    const rollout = new Rollout(o, stack, stop);
    for (const percent of [good, ...o.steps.filter((step) => step > good)]) {
        try {
            await rollout.step(percent);
        } catch (error) {
            // A terminal sends Ctrl-C to Pulumi as well, which then fails.
            const cause = stop.aborted ? stop.reason : error;
            await rollout.back(percent, good, cause);
            throw cause;
        }
        good = percent;
    }
    if (!o.dryRun) {
        console.log(`done: ${good} % go to the canary`);
    }
}

class Rollout {
    constructor(
        private readonly o: Options,
        private readonly stack: Stack,
        private readonly stop: AbortSignal,
    ) {}

    async step(percent: number): Promise<void> {
        this.stack.workspace.program = program(this.o, percent);
        const preview = await this.stack.preview();
        say(percent, `preview: ${changes(preview.changeSummary)}`);
        this.stop.throwIfAborted();
        if (!this.o.dryRun) {
            await this.observe(percent, await this.up(percent));
        }
    }

    /** Is not cut by a signal: what it has done would be missing in the state. */
    private async up(percent: number): Promise<OutputMap> {
        this.stack.workspace.program = program(this.o, percent);
        const { outputs } = await this.stack.up();
        say(percent, `up: ${outputs.url.value}`);
        return outputs;
    }

    /** Has the step fail when the canary does, or the service. Only the canary's own probes tell which of the two it is. */
    private async observe(percent: number, outputs: OutputMap): Promise<void> {
        const canary = new Probe("canary", this.o.model, outputs.canaryUrl.value, this.stop);
        const service = new Probe("service", this.o.model, outputs.url.value, this.stop);
        for (const probe of [canary, service]) {
            const end = Date.now() + serving;
            while ((await probe.ask()) === "HTTP 404" && Date.now() < end) {
                await sleep(serving / 50);
            }
        }

        const allowed = Math.floor((this.o.maxErrors / 100) * this.o.probes);
        const begin = Date.now();
        while (canary.sent < this.o.probes && canary.failed <= allowed) {
            await canary.send(percent);
            await service.send(percent);
            const next = begin + (canary.sent * this.o.watch * 1000) / this.o.probes;
            await sleep(next - Date.now(), undefined, { signal: this.stop }).catch(() => this.stop.throwIfAborted());
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
            try {
                await this.up(to);
            } catch (error) {
                throw new Error(`${cause.message}; the way back to ${to} % failed too, look at the service: ${(error as Error).message}`);
            }
        }
        console.log(`stopped: ${to} % go to the canary`);
    }
}

/** Sends chat requests to one URL, and counts. */
class Probe {
    sent = 0;
    failed = 0;
    private readonly client: OpenAI;

    constructor(
        private readonly name: string,
        private readonly model: string,
        baseURL: string,
        private readonly stop: AbortSignal,
    ) {
        this.client = new OpenAI({ baseURL, apiKey: "unused", maxRetries: 0, timeout: 10_000 });
    }

    async send(percent: number): Promise<void> {
        this.sent++;
        const fault = await this.ask();
        if (fault) {
            this.failed++;
            say(percent, `${this.name}: ${fault}`);
        }
    }

    /** Undefined if all is well. */
    async ask(): Promise<string | undefined> {
        try {
            await this.client.chat.completions.create(
                { model: this.model, messages: [{ role: "user", content: "Hello" }], max_completion_tokens: 1 },
                { signal: this.stop },
            );
        } catch (error) {
            this.stop.throwIfAborted();
            return error instanceof OpenAI.APIError && error.status ? `HTTP ${error.status}` : "no answer";
        }
    }

    toString(): string {
        return `${this.name}: ${this.failed} of ${this.sent} failed`;
    }
}

/** What a preview would do. */
function changes(summary: OpMap): string {
    const parts = (["create", "update", "replace", "delete"] as const)
        .filter((kind) => summary[kind])
        .map((kind) => `${summary[kind]} to ${kind}`);
    return parts.join(", ") || "no change";
}

/** Prints an event of a step. */
function say(percent: number, event: string): void {
    console.log(`${String(percent).padStart(3)} %  ${event}`);
}
