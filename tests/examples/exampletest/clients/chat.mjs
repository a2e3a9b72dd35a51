// Sends chat requests to the base URL named first, as many as the second argument says, each whole and as a stream, with the
// key named third or with none, for the model named fourth. It prints the answers, one a line, and ends at the first refusal with its status and code.
import OpenAI from "openai";

const [baseURL, count, key, model] = process.argv.slice(2);
const defaultHeaders = key ? {} : { Authorization: null };
const client = new OpenAI({ baseURL, apiKey: key || "none", defaultHeaders, maxRetries: 0 });
const request = { model, messages: [{ role: "user", content: "Say hello" }] };

try {
    for (let i = 0; i < Number(count); i++) {
        const whole = await client.chat.completions.create(request);
        console.log(whole.choices[0].message.content);

        let streamed = "";
        for await (const chunk of await client.chat.completions.create({ ...request, stream: true })) {
            streamed += chunk.choices[0]?.delta?.content ?? "";
        }
        console.log(streamed);
    }
} catch (error) {
    if (!(error instanceof OpenAI.APIError && error.status)) {
        throw error;
    }
    console.log(`${error.status} ${error.code}`);
    process.exitCode = 1;
}
