// Sends chat requests to the base URL named first, as many as the second argument says, each whole and as a stream, and
// prints the answers, one a line.
import OpenAI from "openai";

const [baseURL, count] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "the-client-s-own", maxRetries: 0 });
const request = { model: "test-model", messages: [{ role: "user", content: "Say hello" }] };

for (let i = 0; i < Number(count); i++) {
    const whole = await client.chat.completions.create(request);
    console.log(whole.choices[0].message.content);

    let streamed = "";
    for await (const chunk of await client.chat.completions.create({ ...request, stream: true })) {
        streamed += chunk.choices[0]?.delta?.content ?? "";
    }
    console.log(streamed);
}
