"""A request as text to paste: for a shell, with curl, and for Python, with the `openai` package.

Whatever was said stands in it as a literal, and nothing of it is a command. Images are fetched from this server, by
their hash; they would be too large to stand in it.
"""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe
from pydantic_core import from_json, to_json

from interactions import documents, transcripts
from interactions.access import Permission
from interactions.gateway import again
from interactions.gateway.asked import PATHS
from interactions.gateway.assembly import Api
from interactions.models import Interaction
from interactions.web import detail
from interactions.web.permissions import ProjectRequest, requires

# A terminal could take them for its own, and a reader would not see them.
_UNSEEN = re.compile(r"[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The parameters that the methods of `openai` have; others go into its `extra_body`.
NAMED: Mapping[Api, frozenset[str]] = {
    "chat": _names(
        "audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens metadata "
        "modalities n parallel_tool_calls prediction presence_penalty reasoning_effort response_format seed "
        "service_tier stop temperature tool_choice tools top_logprobs top_p user"
    ),
    "completions": _names(
        "best_of echo frequency_penalty logit_bias logprobs max_tokens n presence_penalty seed stop suffix temperature "
        "top_p user"
    ),
    "responses": _names(
        "include instructions max_output_tokens metadata parallel_tool_calls previous_response_id prompt reasoning "
        "service_tier store temperature text tool_choice tools top_p truncation user"
    ),
    "embeddings": _names("dimensions encoding_format user"),
}
METHODS: Mapping[Api, str] = {
    "chat": "chat.completions.create",
    "completions": "completions.create",
    "responses": "responses.create",
    "embeddings": "embeddings.create",
}
_PROMPTS = frozenset({"model", "messages", "prompt", "input"})
_TOLD: Mapping[Api, str] = {
    "chat": "answer.choices[0].message",
    "completions": "answer.choices[0].text",
    "responses": "answer.output_text",
    "embeddings": "answer.data[0].embedding",
}


@requires(Permission.READ)
@require_safe
def curl(request: ProjectRequest, id: UUID) -> HttpResponseBase:
    return _text(as_curl(_request(request, id), _server(request)))


@requires(Permission.READ)
@require_safe
def python(request: ProjectRequest, id: UUID) -> HttpResponseBase:
    return _text(as_python(_request(request, id), _server(request)))


def _text(text: str) -> HttpResponse:
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


def _server(request: ProjectRequest) -> str:
    return f"{request.scheme}://{request.get_host()}"


def _request(request: ProjectRequest, id: UUID) -> Request:
    interaction = detail.find(request, id)
    if documents.transcript_of(interaction) is None:
        raise Http404("The texts of this interaction are not kept.")
    return made(interaction, request.project.key)


@dataclass(frozen=True, slots=True)
class Request:
    """A request to this server. In the texts of `body`, what `marks` names stands for an image's base64, which is to be
    had at this path."""

    api: Api
    body: dict[str, Any]
    marks: Mapping[str, str]


def made(interaction: Interaction, project_key: str) -> Request:
    """Its texts must be there."""
    transcript = documents.transcript_of(interaction)
    assert transcript is not None  # noqa: S101 - says so to the type checker
    stored = from_json(transcript.document)
    # Nobody can have said what is made up now.
    salt = secrets.token_hex(8)
    marks: dict[str, str] = {}

    def mark(sha256: str) -> str:
        if sha256 not in interaction.kept_images:
            return ""
        return marks.setdefault(sha256, f"{salt}{len(marks) + 1}.")

    messages = transcripts.put_together(_marked(stored["messages"], mark), transcript.prompt_text, None, str)
    api: Api = stored.get("api", "chat")
    model = f"{project_key}/{interaction.model.key}" if interaction.model else project_key
    paths = {mark: documents.image_link(project_key, interaction.kept_images[sha256]) for sha256, mark in marks.items()}
    return Request(api, again.body(api, model, messages, stored.get("parameters")), paths)


def _marked(structure: Any, mark: Callable[[str], str]) -> Any:
    if isinstance(structure, list):
        return [_marked(item, mark) for item in structure]
    if not isinstance(structure, dict):
        return structure
    if "$image" in structure:
        return structure["head"] + mark(structure["$image"])
    return {name: _marked(item, mark) for name, item in structure.items()}


# For a shell


def as_curl(request: Request, server: str) -> str:
    """The body goes through a here-document: there it may be of any length, and where no image is to be put in, nothing
    in it means anything to the shell."""
    written = _UNSEEN.sub(_escaped, to_json(request.body, indent=2).decode())
    address = shlex.quote(f"{server}/api/v1{PATHS[request.api]}")
    lines = []
    quote = "'"
    if request.marks:
        quote = ""
        written = re.sub(r"[\\$`]", r"\\\g<0>", written)
        for number, (mark, path) in enumerate(request.marks.items(), 1):
            image = shlex.quote(f"{server}{path}")
            lines.append(
                f'IMAGE_{number}=$(curl -fsS -H "Authorization: Bearer $API_KEY" {image} | base64 | tr -d "\\n")'
            )
            written = written.replace(mark, f"${{IMAGE_{number}}}")
    lines += [
        f"curl {address} \\",
        '  -H "Authorization: Bearer $API_KEY" \\',
        "  -H 'Content-Type: application/json' \\",
        f"  --data-binary @- <<{quote}JSON{quote}",
        written,
        "JSON",
    ]
    return "\n".join(lines) + "\n"


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


# For Python

_IMAGE = '''
def image(path):
    """An image of this request, as base64."""
    answer = httpx.get(SERVER + path, headers={"Authorization": f"Bearer {os.environ['API_KEY']}"})
    return base64.b64encode(answer.raise_for_status().content).decode()

'''


def as_python(request: Request, server: str) -> str:
    named = NAMED[request.api] | _PROMPTS
    writer = _Writer(request.marks)
    arguments = [f"    {name}={writer.written(value, 1)},\n" for name, value in request.body.items() if name in named]
    others = {name: value for name, value in request.body.items() if name not in named}
    if others:
        arguments.append(f"    extra_body={writer.written(others, 1)},\n")
    imports = ["import base64", "import os", "", "import httpx"] if request.marks else ["import os", ""]
    return "".join(
        [
            "\n".join([*imports, "from openai import OpenAI", "", f"SERVER = {server!r}", ""]),
            f"\n{_IMAGE}\n" if request.marks else "",
            'client = OpenAI(base_url=f"{SERVER}/api/v1", api_key=os.environ["API_KEY"])\n\n',
            f"answer = client.{METHODS[request.api]}(\n",
            *arguments,
            f")\nprint({_TOLD[request.api]})\n",
        ]
    )


class _Writer:
    """JSON values as Python writes them, one below the other where they are long."""

    def __init__(self, marks: Mapping[str, str]) -> None:
        self._marks = marks
        self._mark = re.compile("|".join(map(re.escape, marks))) if marks else None

    def written(self, value: Any, depth: int) -> str:
        if isinstance(value, str):
            return self._string(value)
        if not isinstance(value, list | dict) or not value:
            return repr(value)
        if isinstance(value, dict):
            items = [f"{name!r}: {self.written(item, depth + 1)}" for name, item in value.items()]
        else:
            items = [self.written(item, depth + 1) for item in value]
        opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
        if sum(map(len, items)) <= 80 and not any("\n" in item for item in items):
            return f"{opening}{', '.join(items)}{closing}"
        within, after = "\n" + "    " * (depth + 1), "\n" + "    " * depth
        return f"{opening}{''.join(f'{within}{item},' for item in items)}{after}{closing}"

    def _string(self, text: str) -> str:
        found = self._mark and self._mark.search(text)
        if not found:
            return repr(text)
        before, after = text[: found.start()], text[found.end() :]
        image = f"image({self._marks[found[0]]!r})"
        return " + ".join([*([repr(before)] if before else []), image, *([self._string(after)] if after else [])])
