"""A gateway in each of two clusters, each cluster with its own provider."""

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_modelplane as modelplane

config = pulumi.Config()
# Where Traefik's Helm chart comes from and its values, if not the published chart as it is.
chart = config.get_object("chart")
# False where the clusters already have the CRDs of the Gateway API and of Traefik.
install_crds = config.get_bool("installCrds")

# The two clusters, by contexts of your kubeconfig. A component hands its provider to all that it makes.
hub = pulumi.ResourceOptions(providers=[kubernetes.Provider("hub", context=config.get("hubContext") or "hub")])
far = pulumi.ResourceOptions(providers=[kubernetes.Provider("far", context=config.get("farContext") or "far")])

# The far cluster: a gateway in front of its own replicas.
far_gateway = modelplane.ModelGateway("far-gateway", chart=chart, install_crds=install_crds, opts=far)
far_replicas = modelplane.ModelEndpoint("far-replicas", urls=config.require_object("farUrls"), opts=far)
far_chat = modelplane.ModelService(
    "far-chat",
    gateway=far_gateway.gateway,
    backends=[{"endpoint": far_replicas.backend}],
    opts=far,
)

# The hub: what clients use, over its own replicas and all of the far cluster.
hub_gateway = modelplane.ModelGateway("hub-gateway", chart=chart, install_crds=install_crds, opts=hub)
hub_replicas = modelplane.ModelEndpoint("hub-replicas", urls=config.require_object("hubUrls"), opts=hub)
# A base URL comes out of the far cluster's service, and goes into the hub's endpoint.
hub_to_far = modelplane.ModelEndpoint("hub-to-far", url=far_chat.url, opts=hub)
hub_chat = modelplane.ModelService(
    "hub-chat",
    gateway=hub_gateway.gateway,
    backends=[
        {"endpoint": hub_replicas.backend, "weight": 75},
        {"endpoint": hub_to_far.backend, "weight": 25},
    ],
    opts=hub,
)

# What an OpenAI client takes as its base URL.
pulumi.export("url", hub_chat.url)
pulumi.export("farUrl", far_chat.url)
