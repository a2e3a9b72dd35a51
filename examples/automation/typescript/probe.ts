import { setTimeout as sleep } from "node:timers/promises";

import OpenAI from "openai";

/** How many milliseconds a gateway may take to serve a route that it has accepted; Traefik's own default is two seconds. */
const serving = 5000;

/** Sends chat requests to one URL, and counts. Put your own measure here. */
export class Probe {
    sent = 0;
    failed = 0;
    private readonly client: OpenAI;

    constructor(
        readonly name: string,
        private readonly model: string,
        baseURL: string,
        private readonly stop: AbortSignal,
    ) {
        this.client = new OpenAI({ baseURL, apiKey: "unused", maxRetries: 0, timeout: 10_000 });
    }

    /** Lets the gateway take in a new route. */
    async wait(): Promise<void> {
        const end = Date.now() + serving;
        while ((await this.ask()) === "HTTP 404" && Date.now() < end) {
            await sleep(serving / 50);
        }
    }

    /** Gives what is wrong, if anything is. */
    async send(): Promise<string | undefined> {
        const fault = await this.ask();
        this.sent++;
        if (fault) {
            this.failed++;
        }
        return fault;
    }

    private async ask(): Promise<string | undefined> {
        try {
            await this.client.chat.completions.create(
                { model: this.model, messages: [{ role: "user", content: "Hello" }], max_completion_tokens: 1 },
                { signal: this.stop },
            );
            return undefined;
        } catch (error) {
            this.stop.throwIfAborted();
            return error instanceof OpenAI.APIError && error.status ? `HTTP ${error.status}` : "no answer";
        }
    }

    toString(): string {
        return `${this.name}: ${this.failed} of ${this.sent} failed`;
    }
}
