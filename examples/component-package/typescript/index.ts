import * as modelplane from "@modelplane/pulumi-modelplane";
import * as pulumi from "@pulumi/pulumi";

/** A model server that a team runs. */
export interface Server {
    /** Its base URL. */
    url: string;
    /** Its share of the team's requests, in proportion to the others. Default: 1. */
    weight?: number;
}

export interface ChatPlatformArgs {
    /** The team's name, which is part of the URL. */
    team: string;
    /** The servers that answer. */
    servers: Server[];
    /** The key that the servers want. */
    apiKey: pulumi.Input<string>;
    /** The gateway that all teams share. */
    gateway: pulumi.Input<modelplane.types.input.GatewayReferenceArgs>;
}

/** One base URL for a team's OpenAI clients, over the model servers that the team runs. */
export class ChatPlatform extends pulumi.ComponentResource {
    /** What an OpenAI client takes as its base URL. */
    public readonly url: pulumi.Output<string>;

    constructor(name: string, args: ChatPlatformArgs, opts?: pulumi.ComponentResourceOptions) {
        super("acme:index:ChatPlatform", name, args, opts);

        const backends = args.servers.map((server, i) => {
            const endpoint = new modelplane.ModelEndpoint(`${args.team}-${i}`, {
                url: server.url,
                apiKey: args.apiKey,
            }, { parent: this });
            return { endpoint: endpoint.backend, weight: server.weight };
        });
        const service = new modelplane.ModelService(args.team, {
            gateway: args.gateway,
            path: `/teams/${args.team}/v1`,
            backends,
        }, { parent: this });

        this.url = service.url;
        this.registerOutputs({ url: this.url });
    }
}
