"""Long texts are compressed in the store, and nobody who reads them notices."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.models.functions import Length
from hypothesis import given
from hypothesis import strategies as st

from interactions import database
from interactions.database import packing
from interactions.models import Transcript
from tests.conftest import Api, interaction

WORDS = "Wo ist meine Bestellung? Où est ma commande ? ご注文はどこですか。🙂 "

texts = st.builds(lambda piece, times: piece * times, st.text(max_size=40), st.integers(0, 400))


@given(text=texts)
def test_a_text_comes_back_as_it_was(text: str) -> None:
    assert packing.unpack(packing.pack(text)) == text
    assert packing.unpack(packing._pack_large(text)) == text


@given(text=texts, length=st.integers(0, 2_000))
def test_a_text_has_its_beginning_however_it_is_stored(text: str, length: int) -> None:
    for value in (text, packing.pack(text), packing._pack_large(text)):
        assert database.cut(value, length) == text[:length]


@pytest.mark.parametrize("letter", ["a", "é", "京", "🙂"])
def test_the_beginning_of_a_very_long_text_needs_only_the_beginning_of_what_is_stored(letter: str) -> None:
    text = "".join(f"{number:x}{letter}" for number in range(1_500_000))
    stored = packing.pack(text)
    assert isinstance(stored, bytes)
    some = stored[: packing._bytes_for(10_000)]
    assert len(some) < len(stored) / 4
    assert database.cut(some, 10_000) == text[:10_000]


def test_a_long_text_takes_less_room_than_itself_and_is_read_as_it_was_sent(api: Api) -> None:
    told = interaction(completion=WORDS * 100, messages=[{"role": "user", "content": WORDS * 200}])
    place = f"interactions/{api.post('interactions', told).json()['completion_id']}"
    read = api.get(place).json()
    assert (read["messages"], read["completion"]) == (told["messages"], told["completion"])
    size = "length" if connection.vendor == "sqlite" else "pg_column_size"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {size}(completion_text) FROM interactions_transcript")  # noqa: S608
        assert cursor.fetchone()[0] < len((WORDS * 100).encode()) / 4


def test_a_text_that_an_older_version_stored_is_read_as_it_is(api: Api) -> None:
    id = api.post("interactions", interaction(completion=WORDS * 100)).json()["completion_id"]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE interactions_transcript SET completion_text = %s", [WORDS * 50])
    assert api.get(f"interactions/{id}").json()["completion"] == WORDS * 50


def test_a_text_written_by_a_query_of_its_own_is_compressed_too(api: Api) -> None:
    id = api.post("interactions", interaction()).json()["completion_id"]
    Transcript.objects.update(completion_text=WORDS * 100)
    assert api.get(f"interactions/{id}").json()["completion"] == WORDS * 100
    (length,) = Transcript.objects.values_list(Length("completion_text"), flat=True)
    assert connection.vendor != "sqlite" or length < len(WORDS) * 20
