import pulumi
import pulumi_modelplane as modelplane

gateway = modelplane.ModelGateway("gateway")
own = modelplane.ModelEndpoint(
    "own",
    url="http://10.0.0.7:8000/v1",
    model="meta-llama/Llama-3.3-70B-Instruct",
)
groq = modelplane.ModelEndpoint(
    "groq",
    url="https://api.groq.com/openai/v1",
    model="llama-3.3-70b-versatile",
    api_key=pulumi.Config().require_secret("groqKey"),
)
llama = modelplane.ModelService(
    "llama",
    gateway=gateway.gateway,
    backends=[
        {"endpoint": own.backend, "weight": 80},
        {"endpoint": groq.backend, "weight": 20},
    ],
)
embedder = modelplane.ModelEndpoint("embedder", url="http://10.0.0.8:8000/v1")
embeddings = modelplane.ModelService(
    "embeddings",
    gateway=gateway.gateway,
    backends=[{"endpoint": embedder.backend}],
)
catalog = modelplane.ModelCatalog(
    "catalog",
    gateway=gateway.gateway,
    models=[
        {"name": "llama-3.3-70b", "service": llama.service},
        {"name": "bge-m3", "service": embeddings.service},
    ],
)
pulumi.export("url", catalog.url)
