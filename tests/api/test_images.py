"""Images in requests: recognised in every shape, judged by their bytes, stored once, given back as they came."""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from interactions import access, people
from interactions.models import Image, ImageUse, Interaction, Project, User
from tests.api.pictures import SHAPES, data_uri, encoded, phone_picture, picture, pixel_bomb, showing, shown
from tests.conftest import Api, interaction

Stored = Callable[[], dict[str, int]]

FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}


def messages_of(api: Api, completion_id: str, query: str = "?images=inline") -> Any:
    return api.get(f"interactions/{completion_id}{query}").json()["messages"]


# Recognised, and given back


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("shape", SHAPES)
def test_an_image_in_any_shape_is_stored_as_content_and_given_back_byte_for_byte(
    api: Api, shape: str, kind: str
) -> None:
    build, _ = SHAPES[shape]
    messages = showing(build(picture(kind), FORMATS[kind]))
    logged = api.log(messages=messages)
    image = Image.objects.get()
    assert image.format == kind.lower()
    assert (image.width, image.height, image.size) == (120, 80, len(picture(kind)))
    row = Interaction.objects.select_related("transcript").get()
    assert row.image_count == 1
    assert encoded(picture(kind))[:60] not in row.transcript.document + row.transcript.prompt_text
    assert messages_of(api, logged["completion_id"]) == messages


def test_a_message_that_is_an_image_and_nothing_else_is_one(api: Api) -> None:
    messages = [{"role": "user", "content": data_uri(picture())}]
    logged = api.log(messages=messages)
    assert Image.objects.count() == 1
    assert messages_of(api, logged["completion_id"]) == messages


def test_a_text_about_data_uris_stays_a_text(api: Api) -> None:
    text = "data:image/png;base64, is how a data URI begins. What follows?"
    logged = api.log(messages=[{"role": "user", "content": text}])
    assert not Image.objects.exists()
    assert messages_of(api, logged["completion_id"])[0]["content"] == text


def test_a_remote_image_is_kept_as_its_address_and_never_fetched(api: Api) -> None:
    part = {"type": "image_url", "image_url": {"url": "http://127.0.0.1:9/cat.png"}}
    logged = api.log(messages=showing(part))
    assert not Image.objects.exists()
    assert messages_of(api, logged["completion_id"]) == showing(part)


def test_a_video_or_a_file_beside_images_is_kept_as_it_is(api: Api) -> None:
    parts = [
        {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AAAA"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
    ]
    logged = api.log(messages=showing(*parts))
    assert not Image.objects.exists()
    assert messages_of(api, logged["completion_id"]) == showing(*parts)


UNUSUAL = {
    "line breaks": lambda text: "\n".join(textwrap.wrap(text, 76)) + "\n",
    "long lines": lambda text: "\r\n".join(textwrap.wrap(text, 200)),
    "the URL-safe alphabet": lambda text: text.replace("+", "-").replace("/", "_"),
    "no padding": lambda text: text.rstrip("="),
    "too much padding": lambda text: text + "====",
    "spaces": lambda text: f" {text} ",
}


@pytest.mark.parametrize("manner", UNUSUAL)
def test_unusual_base64_is_understood_and_comes_back_as_it_was_written(api: Api, manner: str) -> None:
    noisy = BytesIO()
    Pillow.effect_noise((41, 31), 90).save(noisy, "PNG")
    written = "data:image/png;base64," + UNUSUAL[manner](encoded(noisy.getvalue()))
    messages = showing({"type": "image_url", "image_url": written})
    logged = api.log(messages=messages)
    assert messages_of(api, logged["completion_id"]) == messages
    assert Image.objects.get().size == len(noisy.getvalue())


def test_the_claimed_type_does_not_matter_and_is_kept(api: Api) -> None:
    """The bytes decide: a JPEG that is claimed to be a PNG, or to be nothing in particular, is a JPEG."""
    for claim in ("image/png", "IMAGE/PNG;charset=x", "application/octet-stream", ""):
        messages = shown(picture("JPEG"), claim)
        logged = api.log(messages=messages)
        assert messages_of(api, logged["completion_id"]) == messages
    assert Image.objects.get().format == "jpeg"


def test_a_phone_s_picture_with_a_second_one_behind_it_is_a_jpeg(api: Api) -> None:
    api.log(messages=shown(phone_picture(), "image/jpeg"))
    image = Image.objects.get()
    assert image.format == "jpeg"
    response = api.get(f"images/support/{image.sha256}.jpeg")
    assert (response.status_code, response["Content-Type"]) == (200, "image/jpeg")
    assert response.content == phone_picture()


# Stored once


def test_the_same_image_is_stored_once_per_project(api: Api, ann: User, stored: Stored) -> None:
    other = Project.objects.create(key="other", name="Other")
    people.belong(ann, other)
    wide = Api(access.issue_key(ann, Project.objects.all()).secret)
    twice = showing(*[{"type": "image_url", "image_url": data_uri(picture())}] * 2)
    for _ in range(3):
        wide.log(messages=twice)
    assert (Image.objects.count(), ImageUse.objects.count(), stored()["files"]) == (1, 3, 1)
    assert set(Interaction.objects.values_list("image_count", flat=True)) == {1}
    wide.log(project="other", messages=twice)
    assert (Image.objects.count(), stored()["files"]) == (2, 2)


def test_images_keep_their_order_of_first_appearance(api: Api) -> None:
    red, blue = (picture(color=color) for color in ("red", "blue"))
    parts = [{"type": "image_url", "image_url": data_uri(content)} for content in (red, blue, red)]
    logged = api.log(messages=showing(*parts))
    assert [use.image.size for use in ImageUse.objects.order_by("position")] == [len(red), len(blue)]
    assert messages_of(api, logged["completion_id"]) == showing(*parts)


@pytest.mark.parametrize(("size", "expected"), [((1600, 900), (171, 96)), ((40, 30), (40, 30)), ((20, 2000), (2, 240))])
def test_a_thumbnail_is_a_small_webp_of_the_same_shape(
    api: Api, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    api.log(messages=shown(picture(size=size)))
    thumbnail = bytes(Image.objects.get().thumbnail)
    with Pillow.open(BytesIO(thumbnail)) as small:
        assert (small.format, small.size) == ("WEBP", expected)
    assert len(thumbnail) < 4_000


# Refused


def _svg() -> bytes:
    return b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


REFUSED = {
    "text": (b"I am a picture, honestly", "no PNG, JPEG, WebP or GIF"),
    "HTML": (b"<!doctype html><script>alert(1)</script>", "no PNG, JPEG, WebP or GIF"),
    "SVG": (_svg(), "no PNG, JPEG, WebP or GIF"),
    "BMP": (picture("BMP"), "no PNG, JPEG, WebP or GIF"),
    "TIFF": (picture("TIFF"), "no PNG, JPEG, WebP or GIF"),
    "ICO": (picture("ICO"), "no PNG, JPEG, WebP or GIF"),
    "half a PNG": (picture()[:90], "damaged"),
    "half a JPEG": (picture("JPEG")[:-40], "damaged"),
    "half a WebP": (picture("WEBP")[:-20], "damaged"),
    "a PNG's signature": (b"\x89PNG\r\n\x1a\n", "damaged"),
    "a pixel bomb": (pixel_bomb(), "13,000 × 13,000 pixels"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_sound_image_is_refused_with_its_place_and_nothing_is_stored(
    api: Api, stored: Stored, what: str
) -> None:
    content, reason = REFUSED[what]
    parts = [
        {"type": "image_url", "image_url": data_uri(picture())},
        SHAPES["OpenAI's image_url"][0](content, "image/png"),
    ]
    response = api.post("interactions", interaction(messages=showing(*parts), model_service="new", labels={"a": "b"}))
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (422, "invalid")
    assert error["field"] == "messages[0].content[2].image_url.url"
    assert reason in error["message"]
    assert stored() == {}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_lie_is_found_in_every_shape(api: Api, stored: Stored, shape: str) -> None:
    build, place = SHAPES[shape]
    response = api.post("interactions", interaction(messages=showing(build(b"no picture at all", "image/png"))))
    assert response.status_code == 422
    assert response.json()["error"]["field"] == ".".join(filter(None, ("messages[0].content[1]", place)))
    assert stored() == {}


@pytest.mark.parametrize(
    "uri",
    [
        "data:text/html;base64,PGgxPmhpPC9oMT4=",
        "data:image/png;base64,%%%%",
        "data:image/png;base64,A",
        "data:image/png;base64,",
        "data:image/svg+xml;utf8,<svg/>",
        "data:image/png,raw",
        "data:",
        "data:image/png;base64,iVBORw0KGgo=\u00e4",
    ],
)
def test_a_data_uri_in_an_image_s_place_is_an_image_or_refused(api: Api, stored: Stored, uri: str) -> None:
    for part in ({"type": "image_url", "image_url": uri}, {"type": "image_url", "image_url": {"url": uri}}):
        response = api.post("interactions", interaction(messages=showing(part)))
        assert response.status_code == 422, response.content
        assert response.json()["error"]["field"].startswith("messages[0].content[1].image_url")
    assert stored() == {}


def test_an_image_over_the_limit_is_refused(api: Api, stored: Stored, settings: Any) -> None:
    settings.MAX_IMAGE_BYTES = 1024 * 1024
    noisy = BytesIO()
    Pillow.effect_noise((1200, 1200), 90).save(noisy, "PNG")
    response = api.post("interactions", interaction(messages=shown(noisy.getvalue())))
    assert response.status_code == 422
    assert "at most 1 MB" in response.json()["error"]["message"]
    assert stored() == {}


def test_no_image_is_kept_of_a_request_that_is_refused_for_another_reason(api: Api, stored: Stored) -> None:
    for feedbacks in ([{"metric": "nowhere", "value": 1}], [{"metric": "thumbs", "value": 7}]):
        response = api.post("interactions", interaction(messages=shown(picture()), feedbacks=feedbacks))
        assert response.status_code in (404, 422)
    response = api.post("interactions", interaction(messages=shown(picture())), Idempotency_Key="x" * 256)
    assert response.status_code == 422
    assert stored() == {}


# Fetched


def test_a_link_in_the_document_leads_to_the_image_s_bytes(api: Api) -> None:
    logged = api.log(messages=shown(picture("WEBP"), "image/webp"))
    link = messages_of(api, logged["completion_id"], "")[0]["content"][1]["image_url"]
    digest = Image.objects.get().sha256
    assert link == f"/api/v1/images/support/{digest}.webp"
    response = api.get(link.removeprefix("/api/v1/"))
    assert response.content == picture("WEBP")
    assert response["Content-Type"] == "image/webp"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert response["Cache-Control"] == "private, max-age=31536000, immutable"


def test_an_image_is_found_by_the_project_s_key_and_by_its_id(api: Api, project: Project) -> None:
    api.log(messages=shown(picture()))
    digest = Image.objects.get().sha256
    for name in (project.key, project.uid, project.uid.hex, str(project.uid).upper()):
        assert api.get(f"images/{name}/{digest}.png").content == picture()


def test_an_image_is_not_found_by_strangers_nor_under_wrong_names(
    api: Api, foreign: Project, ann: User, project: Project
) -> None:
    api.log(messages=shown(picture()))
    digest = Image.objects.get().sha256
    stranger = User.objects.create_user("stranger@example.org")
    people.belong(stranger, foreign)
    other = Api(access.issue_key(stranger, [foreign]).secret)
    wrong = [f"support/{'0' * 64}.png", "support/nonsense.png", "support/..png", f"secret/{digest}.png"]
    for caller, path in [
        *((api, path) for path in wrong),
        (other, f"support/{digest}.png"),
        (other, f"{project.uid}/{digest}.png"),
    ]:
        response = caller.get(f"images/{path}")
        assert response.status_code == 404, path
        assert response.json()["error"]["code"] == "not_found"
    assert api.get(f"images/{foreign.uid}/{digest}.png").status_code == 404
    assert "secret" not in api.get(f"images/{foreign.uid}/{digest}.png").content.decode()
    assert Api("").get(f"images/support/{digest}.png").status_code == 401


def test_an_image_whose_file_is_gone_is_told_so(api: Api, tmp_path: Path) -> None:
    logged = api.log(messages=shown(picture()))
    (file,) = (path for path in (tmp_path / "images").rglob("*") if path.is_file())
    file.unlink()
    for path in (
        f"images/support/{Image.objects.get().sha256}.png",
        f"interactions/{logged['completion_id']}?images=inline",
    ):
        response = api.get(path)
        assert response.status_code == 404
        assert f"{file.name} is missing in the store" in response.json()["error"]["message"]
    assert api.get(f"interactions/{logged['completion_id']}").status_code == 200


def test_a_data_uri_s_bytes_are_the_image_s_bytes(api: Api) -> None:
    content = picture("GIF")
    logged = api.log(messages=shown(content, "image/gif"))
    uri = messages_of(api, logged["completion_id"])[0]["content"][1]["image_url"]
    assert base64.b64decode(uri.partition(",")[2]) == content
