import * as modelplane from "@modelplane/pulumi-modelplane";
import * as pulumi from "@pulumi/pulumi";

const own = new modelplane.ModelEndpoint("own", {
    urls: ["http://10.0.0.7:8000/v1", "http://10.0.0.8:8000/v1"],
});
const groq = new modelplane.ModelEndpoint("groq", {
    url: "https://api.groq.com/openai/v1",
    apiKey: new pulumi.Config().requireSecret("groqKey"),
});
