import pulumi
import pulumi_modelplane as modelplane

own = modelplane.ModelEndpoint("own", urls=["http://10.0.0.7:8000/v1", "http://10.0.0.8:8000/v1"])
groq = modelplane.ModelEndpoint(
    "groq",
    url="https://api.groq.com/openai/v1",
    api_key=pulumi.Config().require_secret("groqKey"),
)
