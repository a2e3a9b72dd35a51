"""The Pulumi program."""

from argparse import Namespace

import pulumi
import pulumi_modelplane as modelplane


def program(options: Namespace, percent: int):
    """Make the Pulumi program in which the canary has this share of the traffic."""

    def run():
        name, gateway = options.name, options.gateway
        stable = modelplane.ModelEndpoint(f"{name}-stable", url=options.stable)
        canary = modelplane.ModelEndpoint(f"{name}-canary", url=options.canary)

        service = modelplane.ModelService(
            name,
            gateway=gateway,
            backends=[
                {"endpoint": stable.backend, "weight": 100 - percent},
                {"endpoint": canary.backend, "weight": percent},
            ],
        )
        # The canary alone, by the same gateway: probes measure it here, whatever its share of the traffic.
        alone = modelplane.ModelService(f"{name}-canary", gateway=gateway, backends=[{"endpoint": canary.backend}])

        pulumi.export("url", service.url)
        pulumi.export("canaryUrl", alone.url)
        # Where the next run goes on.
        pulumi.export("canary", options.canary)
        pulumi.export("percent", percent)

    return run
