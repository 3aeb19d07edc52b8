"""Uploads in parts, and downloads of datasets. Making datasets, listing and deleting them is GraphQL's."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from interactions import access, bridge, datasets, downloads, exports, payloads
from interactions.access import Permission
from interactions.api_rest.api import answer, described, router
from interactions.errors import Invalid, UnsupportedMedia

_MANAGED = Permission.MANAGE_DATASETS

_PART: dict[str, Any] = {
    "parameters": [
        {"name": "session_id", "in": "query", "required": True, "schema": {"type": "string", "format": "uuid"}},
        {"name": "part_number", "in": "query", "required": True, "schema": {"type": "integer", "minimum": 1}},
    ],
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
}


@router.post("/upload/init", tags=["datasets"], openapi_extra=described(_MANAGED, payloads.NewUpload))
def init_upload(request: HttpRequest) -> HttpResponse:
    """Begin to upload a file in up to 10,000 parts. Needs the permission in some project."""
    caller = bridge.read_caller(request)
    wanted = payloads.read(payloads.NewUpload, payloads.parse_json(bridge.read_body(request)))
    upload = datasets.begin_upload(caller, wanted.total_parts_count, wanted.content_type)
    return answer({"session_id": str(upload.uid)})


@router.post("/upload/part", tags=["datasets"], openapi_extra=described(_MANAGED) | _PART)
def upload_part(request: HttpRequest) -> HttpResponse:
    """Send a part: up to 100 MB, as the body. The same number again replaces it. A 2xx means it is on the disk."""
    caller = bridge.read_caller(request)
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise UnsupportedMedia("Send the part as it is, without a Content-Encoding.")
    number = request.GET.get("part_number", "")
    if not number.isascii() or not number.isdecimal() or len(number) > 9:
        raise Invalid("Number the parts from 1: ?part_number=1.", "part_number")
    datasets.add_part(caller, request.GET.get("session_id", ""), int(number), request)
    return answer({"part_number": int(number)})


@router.post("/upload/status", tags=["datasets"], openapi_extra=described(_MANAGED, payloads.UploadSession))
def get_upload_status(request: HttpRequest) -> HttpResponse:
    """Which parts of an upload of one's own have arrived."""
    caller = bridge.read_caller(request)
    status = datasets.upload_status(caller, _session_id(request))
    return answer({"completed_parts": status.completed, "total_parts_count": status.total})


@router.delete("/upload/abort", tags=["datasets"], openapi_extra=described(_MANAGED, payloads.UploadSession))
def abort_upload(request: HttpRequest) -> HttpResponse:
    """Give up an upload of one's own, and forget its parts."""
    caller = bridge.read_caller(request)
    session = _session_id(request)
    datasets.abort_upload(caller, session)
    return answer({"session_id": session})


@router.get(
    "/projects/{project}/datasets/{dataset_id}/download",
    tags=["datasets"],
    openapi_extra=described(Permission.SEE_DATASETS),
)
def download_dataset(request: HttpRequest, project: str, dataset_id: str, format: str = "original") -> HttpResponseBase:
    """The records as JSON lines; project and dataset by their keys or ids.

    `format=original` is the file as it was uploaded, byte for byte; `recipe` has labels and images in one form.
    """
    download = datasets.open_file(bridge.read_caller(request), project, dataset_id, format)
    response = bridge.streamed(request, download.chunks, "application/x-ndjson")
    response["Content-Disposition"] = f'attachment; filename="{download.dataset.key}.jsonl"'
    return response


@router.get("/projects/{project}/downloads/{token}", tags=["datasets"], openapi_extra=described(Permission.READ))
def download_selection(request: HttpRequest, project: str, token: str) -> HttpResponseBase:
    """Interactions that were selected over GraphQL: the lossless documents, or records of prompts and completions.

    For a day after `completionDownloadUrl` or `completionAsDatasetDownloadUrl` gave this address.
    """
    caller = bridge.read_caller(request)
    found = access.project(caller, project, Permission.READ)
    numbers, form = downloads.take(found, token)
    lines = (
        exports.jsonl_of(numbers, found)
        if form == "documents"
        else datasets.records_of(caller, found.key, numbers, "PROMPT_COMPLETION")
    )
    response = bridge.streamed(request, lines, "application/x-ndjson")
    response["Content-Disposition"] = f'attachment; filename="{found.key}-{form}.jsonl"'
    return response


def _session_id(request: HttpRequest) -> str:
    return payloads.read(payloads.UploadSession, payloads.parse_json(bridge.read_body(request))).session_id
