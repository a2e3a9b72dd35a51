"""Sends chat requests to the base URL named first, as many as the second argument says, each whole and as a stream, with
the key named third or with none, for the model named fourth. It prints the answers, one a line, and ends at the first refusal with its status and code."""

import sys

from openai import APIStatusError, Omit, OpenAI

base_url, count, key, model = sys.argv[1:]
client = OpenAI(base_url=base_url, api_key=key or "none", max_retries=0)
request = {
    "model": model,
    "messages": [{"role": "user", "content": "Say hello"}],
    "extra_headers": {} if key else {"Authorization": Omit()},
}

try:
    for _ in range(int(count)):
        whole = client.chat.completions.create(**request)
        print(whole.choices[0].message.content)

        chunks = client.chat.completions.create(**request, stream=True)
        print("".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices))
except APIStatusError as refusal:
    print(refusal.status_code, refusal.code)
    sys.exit(1)
