"""Images verified by their bytes. `api/test_images.py` shows the same from outside."""

from __future__ import annotations

import contextlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st
from PIL import Image as Pillow

from interactions import images
from interactions.errors import Invalid
from interactions.models import Image
from tests.api.pictures import phone_picture, picture, pixel_bomb


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "RGBA", "LA", "CMYK", "I;16"])
def test_pictures_of_every_kind_of_color_get_a_thumbnail(kind: str, mode: str) -> None:
    file = BytesIO()
    try:
        Pillow.new(mode, (300, 200)).save(file, kind)
    except (OSError, ValueError, KeyError):
        return  # the format knows no such colors
    verified = images.verify(file.getvalue(), "here")
    assert (verified.format, verified.width, verified.height) == (kind.lower(), 300, 200)
    with Pillow.open(BytesIO(verified.thumbnail)) as thumbnail:
        assert (thumbnail.format, thumbnail.size) == ("WEBP", (144, 96))


def test_a_thumbnail_stands_upright() -> None:
    file = BytesIO()
    exif = Pillow.Exif()
    exif[0x0112] = 6  # lies on its right side
    Pillow.new("RGB", (300, 200)).save(file, "JPEG", exif=exif)
    with Pillow.open(BytesIO(images.verify(file.getvalue(), "").thumbnail)) as thumbnail:
        assert thumbnail.size == (96, 144)


def test_transparency_stays_transparent() -> None:
    file = BytesIO()
    Pillow.new("RGBA", (20, 20), (255, 0, 0, 0)).save(file, "PNG")
    with Pillow.open(BytesIO(images.verify(file.getvalue(), "").thumbnail)) as thumbnail:
        assert thumbnail.convert("RGBA").getpixel((5, 5))[3] == 0  # type: ignore[index]


@pytest.mark.parametrize("size", [(1, 1), (1, 9_000), (9_000, 1), (2_000, 2_000)])
def test_a_thumbnail_is_never_larger_than_a_row_needs(size: tuple[int, int]) -> None:
    with Pillow.open(BytesIO(images.verify(picture(size=size), "").thumbnail)) as thumbnail:
        assert max(thumbnail.size) <= 240


def test_an_animation_is_verified_by_its_first_picture() -> None:
    file = BytesIO()
    frames = [Pillow.new("P", (30, 30), n) for n in range(1, 4)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    assert images.verify(file.getvalue(), "").format == "gif"


def test_what_a_phone_writes_is_a_jpeg() -> None:
    assert images.verify(phone_picture(), "").format == "jpeg"


def test_pixels_are_counted_before_they_are_decoded(settings: Any) -> None:
    bomb = pixel_bomb()
    assert len(bomb) < 40_000
    with pytest.raises(Invalid, match="13,000 × 13,000 pixels; at most 40 megapixels"):
        images.verify(bomb, "here")
    settings.MAX_IMAGE_PIXELS = 120 * 80
    images.verify(picture(), "")
    settings.MAX_IMAGE_PIXELS -= 1
    with pytest.raises(Invalid):
        images.verify(picture(), "")


@runs(max_examples=150, deadline=None)
@given(st.sampled_from(["PNG", "JPEG", "WEBP", "GIF"]), st.data())
def test_damage_never_makes_the_server_fail(kind: str, data: st.DataObject) -> None:
    content = bytearray(picture(kind))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(0, len(content))) :]
    with contextlib.suppress(Invalid):
        assert images.verify(bytes(content), "here").thumbnail


def test_every_format_has_a_media_type() -> None:
    assert set(images.MEDIA_TYPES) == set(Image.Format.values)


def test_content_is_kept_whole_under_its_own_name(tmp_path: Path) -> None:
    verified = images.verify(picture(), "")
    for _ in range(2):
        images.keep(7, picture(), verified)
    (file,) = (path for path in (tmp_path / "images").rglob("*") if path.is_file())
    assert file.relative_to(tmp_path / "images") == Path("7", verified.sha256[:2], f"{verified.sha256}.png")
    assert file.read_bytes() == picture()
