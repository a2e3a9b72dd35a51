"""Sends chat requests to the base URL named first, as many as the second argument says, each whole and as a stream, and
prints the answers, one a line."""

import sys

from openai import OpenAI

base_url, count = sys.argv[1:]
client = OpenAI(base_url=base_url, api_key="the-client-s-own", max_retries=0)
messages = [{"role": "user", "content": "Say hello"}]

for _ in range(int(count)):
    whole = client.chat.completions.create(model="test-model", messages=messages)
    print(whole.choices[0].message.content)

    chunks = client.chat.completions.create(model="test-model", messages=messages, stream=True)
    print("".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices))
