"""How the canary and the service are measured."""

import time

from openai import APIError, APIStatusError, OpenAI

# How many seconds a gateway may take to serve a route that it has accepted; Traefik's own default is two seconds.
SERVING = 5


class Probe:
    """Sends chat requests to one URL, and counts. Put your own measure here."""

    def __init__(self, name: str, model: str, url: str):
        self.name, self.model = name, model
        self.client = OpenAI(base_url=url, api_key="unused", max_retries=0, timeout=10)
        self.sent = self.failed = 0

    def wait(self) -> None:
        """Let the gateway take in a new route."""
        end = time.monotonic() + SERVING
        while self.ask() == "HTTP 404" and time.monotonic() < end:
            time.sleep(SERVING / 50)

    def send(self) -> str:
        """Give what is wrong, or nothing."""
        fault = self.ask()
        self.sent += 1
        self.failed += bool(fault)
        return fault

    def ask(self) -> str:
        try:
            self.client.chat.completions.create(
                model=self.model, messages=[{"role": "user", "content": "Hello"}], max_completion_tokens=1
            )
        except APIStatusError as error:
            return f"HTTP {error.status_code}"
        except APIError:
            return "no answer"
        return ""

    def __str__(self) -> str:
        return f"{self.name}: {self.failed} of {self.sent} failed"
