"""Asks a gateway with the clients of OpenAI and Anthropic. Each line of the input is a call in JSON. Each line of the output is what the client has made
of the answer, or the error that it has raised, with the bodies that it has sent. The clients check each answer against their types."""

import base64
import json
import sys

import anthropic
import openai

MESSAGES = [{"role": "user", "content": "Say hello, é and \"model\": \"x\""}]


def counted(usage):
    """The numbers of a usage, however it calls them: the input, the output, and the cached and reasoning ones among them."""
    if usage is None:
        return None
    if isinstance(usage, anthropic.types.Usage):
        return [usage.input_tokens, usage.output_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens]
    if isinstance(usage, openai.types.responses.ResponseUsage):
        return [usage.input_tokens, usage.output_tokens, usage.input_tokens_details.cached_tokens, usage.output_tokens_details.reasoning_tokens]
    of = [usage.prompt_tokens]
    if isinstance(usage, openai.types.CompletionUsage):
        of.append(usage.completion_tokens)
        if usage.prompt_tokens_details:
            of += [usage.prompt_tokens_details.cached_tokens, usage.completion_tokens_details.reasoning_tokens]
    return of


def streamed(chunks, text_of):
    """A stream's text and end, which usages it has told, and whether an event came that had neither."""
    text, finish, models, usages, empty = "", None, set(), [], 0
    for chunk in chunks:
        models.add(chunk.model)
        for choice in chunk.choices:
            text += text_of(choice) or ""
            finish = choice.finish_reason or finish
        if chunk.usage:
            usages.append(counted(chunk.usage))
        elif not chunk.choices:
            empty += 1
    return {"text": text, "finish": finish, "model": models.pop(), "others": len(models), "usages": usages, "empty": empty}


def chat(c, a):
    got = c.chat.completions.create(model=a["model"], messages=MESSAGES)
    return {"text": got.choices[0].message.content, "finish": got.choices[0].finish_reason, "model": got.model, "usage": counted(got.usage)}


def chat_stream(c, a):
    return streamed(c.chat.completions.create(model=a["model"], messages=MESSAGES, stream=True), lambda choice: choice.delta.content)


def chat_stream_usage(c, a):
    asked = {"include_usage": True}
    return streamed(c.chat.completions.create(model=a["model"], messages=MESSAGES, stream=True, stream_options=asked), lambda choice: choice.delta.content)


def completion(c, a):
    got = c.completions.create(model=a["model"], prompt="Say hello")
    return {"text": got.choices[0].text, "finish": got.choices[0].finish_reason, "model": got.model, "usage": counted(got.usage)}


def completion_stream(c, a):
    return streamed(c.completions.create(model=a["model"], prompt="Say hello", stream=True), lambda choice: choice.text)


def embedding(c, a):
    got = c.embeddings.create(model=a["model"], input=["Hello", "Bye"])
    return {"vectors": [of.embedding for of in got.data], "model": got.model, "usage": counted(got.usage)}


def response_of(got):
    return {"text": got.output_text, "finish": got.status, "model": got.model, "usage": counted(got.usage), "id": got.id}


def response(c, a):
    previous = {"previous_response_id": a["previous"]} if a.get("previous") else {}
    return response_of(c.responses.create(model=a["model"], input="Say hello", **previous))


def response_stream(c, a):
    text, kinds, last = "", [], None
    for event in c.responses.create(model=a["model"], input="Say hello", stream=True):
        kinds.append(event.type)
        if event.type == "response.output_text.delta":
            text += event.delta
        last = event
    return {"deltas": text, "events": kinds, **response_of(last.response)}


def response_again(c, a):
    return response_of(c.responses.retrieve(a["previous"], **a.get("more", {})))


def models(c, a):
    return {"ids": [model.id for model in c.models.list()]}


def model(c, a):
    got = c.models.retrieve(a["model"])
    return {"id": got.id, "object": got.object}


def speech(c, a):
    got = c.audio.speech.create(model=a["model"], voice="alloy", input="Hello").read()
    return {"base64": base64.b64encode(got).decode()}


def transcription(c, a):
    got = c.audio.transcriptions.create(model=a["model"], file=("hello.wav", b"RIFF\x00\xff\x00WAVE"))
    return {"text": got.text}


def file(c, a):
    return {"id": c.files.create(file=("in.jsonl", b'{"custom_id":"1"}\n'), purpose="batch").id}


def batch(c, a):
    return {"id": c.batches.create(input_file_id="file-1", endpoint="/v1/chat/completions", completion_window="24h").id}


def message_of(got):
    return {"text": got.content[0].text, "finish": got.stop_reason, "model": got.model, "usage": counted(got.usage)}


def message(c, a):
    return message_of(c.messages.create(model=a["model"], max_tokens=99, messages=MESSAGES))


def message_stream(c, a):
    with c.messages.stream(model=a["model"], max_tokens=99, messages=MESSAGES) as stream:
        deltas = "".join(stream.text_stream)
        return {"deltas": deltas, **message_of(stream.get_final_message())}


def count(c, a):
    return {"tokens": c.messages.count_tokens(model=a["model"], messages=MESSAGES).input_tokens}


def code_of(refusal):
    """The code of an error, which OpenAI's client takes out of the body, and Anthropic's does not."""
    body = refusal.body if isinstance(refusal.body, dict) else {}
    return body.get("error", body).get("code")


def client_of(ask, sent):
    def note(request):
        sent.append(base64.b64encode(request.read()).decode())

    module, kind = (anthropic, anthropic.Anthropic) if ask["client"] == "anthropic" else (openai, openai.OpenAI)
    return kind(
        base_url=ask["url"], api_key=ask["key"], max_retries=0, http_client=module.DefaultHttpxClient(event_hooks={"request": [note]}),
        _strict_response_validation=not ask.get("loose"),
    )


for line in sys.stdin:
    ask, sent = json.loads(line), []
    try:
        with client_of(ask, sent) as client:
            told = {"result": globals()[ask["call"]](client, ask)}
    except (openai.APIStatusError, anthropic.APIStatusError) as refusal:
        told = {"refusal": f"{refusal.status_code} {code_of(refusal)}"}
    except Exception as error:  # the test shows it
        told = {"error": repr(error)}
    print(json.dumps({**told, "sent": sent}), flush=True)
