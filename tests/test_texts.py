"""Search finds what reading every text would find, however much of it is indexed."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from interactions import access, database, ids, ingest, payloads, texts
from interactions.errors import TooSlow
from interactions.models import Interaction, Project, TextPage, TextSegment, Transcript
from interactions.texts import bulk, indexing, pages, queries, segments, snippets, words
from interactions.texts.queries import Query
from interactions.texts.segments import Made
from tests.conftest import NewStore, manage

NO_PAUSE: Callable[[], None] = lambda: None  # noqa: E731
BASE64 = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk" * 3
HEX = "0123456789abcdef" * 20
PARTS = [
    "order", "Order", "ORDERS", "re-order", "pre_order", "out of memory", "Out-of-Memory!", "100%", "a_b", "a%b", "axb",
    "back\\slash", "it's", '"quoted"', "Ünder", "STRASSE", "Straße", "ΟΔΟΣ", "οδος", "İstanbul", "ǅ", "ſ", "naïve",
    "東京都", "京都", "สวัสดี", "नमस्ते", "мир", "МИР", "x@example.org", "https://a.b/c?d=e&f=1", "->", "...", "\t", "\n\n",
    BASE64, HEX, HEX[5:], "e\u0301", "\u200b", "1234567", "12345678", "<b>&amp;</b>", "🙂", "a", "",
]  # fmt: skip


@dataclass(frozen=True)
class Part:
    """A condition as the search sees it."""

    searched: Query


@dataclass(frozen=True)
class Said:
    prompt: str
    completion: str


def record(project: Project, *said: Said) -> dict[int, Said]:
    """By number. The prompt that is stored ends with the separator that follows each message."""
    caller = access.operator(project)
    prepared = [
        ingest.prepare(
            payloads.read(
                payloads.Interaction,
                {
                    "project": project.key,
                    "messages": [{"role": "user", "content": one.prompt}],
                    "completion": one.completion,
                },
            ),
            project.pk,
            None,
        )
        for one in said
    ]
    ingest.perform(caller, *map(ingest.Record, prepared))
    numbers: dict[UUID, int] = dict(Interaction.objects.filter(project=project).values_list("id", "number"))
    return {
        numbers[one.id]: Said(*(database.unpack(one.transcript[f"{name}_text"]) for name in queries.BOTH))
        for one in prepared
    }


def random_text(chance: random.Random) -> str:
    glue = chance.choice([" ", " ", " ", "", "-", "\n", ", "])
    return glue.join(chance.choices(PARTS, k=chance.choice([0, 1, 1, 2, 3, 8])))


def random_said(chance: random.Random, count: int) -> list[Said]:
    return [Said(random_text(chance), random_text(chance)) for _ in range(count)]


def catch_up(project: Project, chunk: int = 50) -> None:
    for _ in texts.Indexer().catch_up(project.pk, chunk):
        pass


# The same meaning, by reading everything

_SPACELESS = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\u0e00-\u0eff]")


def words_of(text: str) -> list[str]:
    """Letter by letter, and slowly."""
    found, word = [], ""
    for letter in [*text.casefold(), " "]:
        if re.match(r"\w", letter) and not _SPACELESS.match(letter):
            word += letter
            continue
        if word:
            found.append(word)
            word = ""
        if re.match(r"\w", letter):
            found.append(letter)
    return found


def holds_phrase(text: str, phrase: list[str]) -> bool:
    said = words_of(text)
    return any(said[at : at + len(phrase)] == phrase for at in range(len(said)))


def mentioned(said: Said, items: list[str]) -> bool:
    return all(
        any(holds_phrase(text, words_of(item)) for text in (said.prompt, said.completion))
        for item in items
        if words_of(item)
    )


def random_items(chance: random.Random) -> list[str]:
    items = [random_text(chance).replace('"', "").strip() for _ in range(chance.choice([1, 1, 2]))]
    return items if any(words_of(item) for item in items) else ["order"]


def random_needle(chance: random.Random, told: Iterable[Said]) -> str:
    """A piece of a text that was recorded, or one that hardly any holds."""
    text = chance.choice([random_text(chance), *(chance.choice([one.prompt, one.completion]) for one in told)])
    start = chance.randrange(len(text) + 1)
    return text[start : start + chance.choice([1, 2, 3, 5, 8, 40, 100, 200])] or "?"


def check(project: Project, told: dict[int, Said], chance: random.Random, rounds: int) -> None:
    """Random queries, asked in every way."""
    for _ in range(rounds):
        if chance.random() < 0.5:
            items = random_items(chance)
            part = Part(texts.mentions(" ".join(f'"{item}"' for item in items)))
            meant = {number for number, said in told.items() if mentioned(said, items)}
        else:
            needle, name = random_needle(chance, told.values()), chance.choice(queries.BOTH)
            part = Part(texts.substring(needle, name))
            meant = {number for number, said in told.items() if needle.casefold() in getattr(said, name).casefold()}
        some = BitMap(chance.sample(sorted(told), len(told) // 3))
        assert set(texts.numbers(project.pk, part)) == meant, part
        assert set(texts.among(project.pk, part, some)) == meant & set(some), part
        few = texts.few(project.pk, part, chance.choice([0, 3, 1_000]))
        assert few is None or set(few) == meant, part
        known, rest = texts.narrowed(project.pk, [part])
        assert rest or set(known or ()) == meant, part


def test_search_is_exact_before_and_while_and_after_texts_are_indexed(project: Project) -> None:
    chance = random.Random(1)
    told = record(project, *random_said(chance, 60))
    check(project, told, chance, 20)
    catch_up(project, 7)
    check(project, told, chance, 60)
    told |= record(project, *random_said(chance, 30))
    check(project, told, chance, 40)
    with patch.object(indexing, "_SMALL", (64,)):
        catch_up(project)
    assert TextSegment.objects.count() < 5
    check(project, told, chance, 60)


def test_search_is_exact_over_several_blocks_and_pages(project: Project) -> None:
    """A block is only 16 numbers here, so that there are many; and pages hold a few words."""
    chance = random.Random(2)
    told = record(project, *random_said(chance, 100))
    with patch.object(indexing, "BLOCK", 16), patch.object(segments, "BLOCK", 16), patch.object(pages, "PAGE_SIZE", 64):
        catch_up(project, 3)
        check(project, told, chance, 60)
        live = segments.live(project.pk)
        assert [segment.last - segment.first + 1 for segment in live[:6]] == [15, 16, 16, 16, 16, 16]
        assert max(segment.pages for segment in live) > 8


def test_what_was_forgotten_is_not_found_and_leaves_no_word(project: Project) -> None:
    chance = random.Random(3)
    told = record(project, *random_said(chance, 80), Said("unspeakable order", "abc"))
    secret = max(told)
    catch_up(project, 20)
    part = Part(texts.mentions("unspeakable"))
    assert set(texts.numbers(project.pk, part)) == {secret}
    gone = BitMap([secret, *chance.sample(sorted(told), 30)])
    with transaction.atomic():
        Transcript.objects.filter(interaction__number__in=list(gone)).delete()
        texts.forget(project.pk, gone)
    told = {number: said for number, said in told.items() if number not in gone}
    assert not texts.numbers(project.pk, part)
    check(project, told, chance, 30)
    assert stored_words() > {b"unspeakable"}
    catch_up(project)
    assert b"unspeakable" not in stored_words()
    assert not any(segment.gone for segment in segments.live(project.pk))
    check(project, told, chance, 30)


def stored_words() -> set[bytes]:
    return {
        word for packed in TextPage.objects.values_list("words", flat=True) for word in pages.Words(bytes(packed)).all()
    }


def test_very_long_texts_are_indexed_a_few_at_a_time(project: Project) -> None:
    told = record(project, *(Said("long order", f"{n} " * 100) for n in range(6)))
    with patch.object(segments, "_LENGTH_AT_ONCE", 500), patch.object(indexing, "_SMALL", ()):
        catch_up(project)
    assert [segment.last for segment in segments.live(project.pk)] == [3, 6]
    assert set(texts.numbers(project.pk, Part(texts.mentions("order 5")))) == {max(told)}


def test_a_project_is_searched_by_itself(project: Project, foreign: Project) -> None:
    here, there = (record(one, Said("the same words", "")) for one in (project, foreign))
    catch_up(project)
    for one, told in ((project, here), (foreign, there)):
        assert set(texts.numbers(one.pk, Part(texts.mentions("same")))) == set(told)


def test_a_removal_that_overtakes_the_indexer_leaves_nothing_behind(project: Project) -> None:
    told = record(project, Said("one secret", ""), Said("two", ""))
    epoch = segments.epoch(project.pk)
    made = segments.from_texts(project.pk, 1, 2, NO_PAUSE)
    Transcript.objects.filter(interaction__number=min(told)).delete()
    texts.forget(project.pk, [min(told)])
    with pytest.raises(segments.Overtaken):
        segments.add(project.pk, made, epoch)
    catch_up(project)
    assert stored_words() == {b"two"}


def test_a_removal_that_overtakes_the_uniting_of_segments_is_made_up_for(project: Project) -> None:
    told = record(project, *(Said(f"word{n}", "") for n in range(4)))
    catch_up(project, 1)
    sources = segments.live(project.pk)
    made = segments.from_segments(sources, NO_PAUSE)
    texts.forget(project.pk, [min(told)])
    segments.replace(project.pk, sources, made)
    assert not texts.numbers(project.pk, Part(texts.mentions("word0")))
    assert set(texts.numbers(project.pk, Part(texts.mentions("word1")))) == {min(told) + 1}
    catch_up(project)
    assert stored_words() == {b"word1", b"word2", b"word3"}


def test_a_server_that_indexes_nothing_still_removes_the_words_of_what_is_gone(project: Project) -> None:
    told = record(project, Said("one secret", ""), Said("two", ""))
    catch_up(project)
    texts.forget(project.pk, [min(told)])
    record(project, Said("three", ""))
    texts.Indexer().keep_tidy()
    assert stored_words() == {b"two"}


def test_of_two_who_index_the_same_one_is_turned_away(project: Project) -> None:
    record(project, Said("one", ""), Said("two", ""))
    epoch = segments.epoch(project.pk)
    twice = [segments.from_texts(project.pk, 1, 2, NO_PAUSE) for _ in range(2)]
    segments.add(project.pk, twice[0], epoch)
    with pytest.raises(segments.Overtaken):
        segments.add(project.pk, twice[1], epoch)
    sources = segments.live(project.pk)
    united = [segments.from_segments(sources, NO_PAUSE) for _ in range(2)]
    segments.replace(project.pk, sources, united[0])
    with pytest.raises(segments.Overtaken):
        segments.replace(project.pk, sources, united[1])
    assert len(texts.numbers(project.pk, Part(texts.mentions("one")))) == 1


def test_a_project_is_left_to_whoever_is_at_it_and_taken_over_when_that_one_has_died(project: Project) -> None:
    record(project, Said("one", ""), Said("two", ""))
    dead, heir = texts.Indexer(), texts.Indexer()
    steps = dead.catch_up(project.pk, 1)
    next(steps)
    assert list(heir.catch_up(project.pk, 1)) == []
    TextSegment.objects.create(
        project=project, first=2, last=2, documents=1, size=0, pages=1, version=1, gone=b"", live=False
    )
    much_later = ids.now() + timedelta(hours=1)
    with patch.object(ids, "now", lambda: much_later):
        assert list(heir.catch_up(project.pk, 1)) == [2]
    assert not TextSegment.objects.filter(live=False).exists()
    steps.close()


# Words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Out-of-memory, 3x!", ["out", "of", "memory", "3x"]),
        ("snake_case don't", ["snake_case", "don", "t"]),
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("ab東京cd", ["ab", "東", "京", "cd"]),
        ("\x00a\x1cb\u200bc", ["a", "b", "c"]),
    ],
)
def test_a_text_is_taken_apart_into_words(text: str, found: list[str]) -> None:
    folded = words.fold(text)
    assert words.in_order(folded) == found
    assert words.distinct(folded) == set(found)


def test_a_quick_way_for_ascii_finds_the_same_words() -> None:
    text = "".join(map(chr, range(128))) * 2
    assert words.distinct(words.fold(text)) == set(words.in_order(words.fold(text)))


@given(st.text(st.sampled_from("ab_ 1\n\t.中\u3000é"), max_size=60))
def test_a_long_text_has_the_words_that_it_has_as_a_whole(text: str) -> None:
    folded = words.fold(text)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(words, "_PART", 5)
        assert words.distinct(folded) == set(words.in_order(folded))


@pytest.mark.parametrize("length", [129, 130, 191, 192, 193, 256, 257, 1_000])
def test_every_short_piece_of_a_long_word_lies_in_a_piece_of_the_index(length: int) -> None:
    word = "".join(random.Random(length).choices("0123456789abcdef", k=length))
    cut = words.pieces(word)
    assert all(len(piece) <= words.LONGEST + 1 for piece in cut)
    for start in range(length):
        short = word[start : start + words.STRIDE]
        assert any(short in piece for piece in cut)


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("late order", [("late",), ("order",)]),
        ('"late order" paid', [("late", "order"), ("paid",)]),
        ("“late order” 'x'", [("late", "order"), ("x",)]),
        ('paid "late order', [("paid",), ("late", "order")]),
        ('paid"late order"', [("paid",), ("late", "order")]),
        ("re-order a a", [("re", "order"), ("a",)]),
        ('"" - order', [("order",)]),
        ("東京", [("東", "京")]),
    ],
)
def test_a_query_is_read_as_words_and_phrases(text: str, phrases: list[tuple[str, ...]]) -> None:
    assert [term.needle for term in texts.mentions(text)] == phrases


@pytest.mark.parametrize("text", ["", '"', "-> ...", '"" “!”'])
def test_a_query_without_a_word_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no word"):
        texts.mentions(text)


# Pages


def test_pages_give_back_what_was_put_into_them() -> None:
    chance = random.Random(4)
    numbers = [sorted(chance.sample(range(pages.BLOCK), chance.choice([0, 1, 5, 300, 9_000]))) for _ in range(40)]
    numbers += [list(range(pages.BLOCK)), [0], [pages.BLOCK - 1]]
    packed = pages.pack_postings(map(pages.gaps, numbers))
    postings = pages.Postings(packed, len(numbers))
    assert [pages.offsets(some) for some in postings.all()] == numbers
    for place, some in enumerate(numbers):
        assert set(postings.numbers([place], pages.BLOCK)) == {pages.BLOCK + number for number in some}


# Excerpts


def excerpt(project: Project, query: Query, *said: Said) -> list[str]:
    """Of the last that is recorded, with hits in brackets."""
    number = max(record(project, *said))
    return [
        f"{one.field}: " + "".join(f"[{piece.text}]" if piece.is_hit else piece.text for piece in one.pieces)
        for one in texts.excerpts(project.pk, query, [number]).get(number, ())
    ]


def test_an_excerpt_shows_hits_where_they_are(project: Project) -> None:
    query = texts.mentions('refund "late order"')
    said = Said("Where is my late  order, Sir?", "A refund; a REFUND for late\norders, and a late order")
    assert excerpt(project, query, said) == [
        "prompt: Where is my [late order], Sir? ",
        "completion: A [refund]; a [REFUND] for late orders, and a [late order]",
    ]
    assert excerpt(project, texts.substring("rder", "prompt"), said) == ["prompt: Where is my late o[rder], Sir? "]


def test_an_excerpt_finds_its_hit_deep_in_a_long_text(project: Project) -> None:
    words_before = "word " * 200_000
    said = Said("hello needle", f"{words_before} hay needle hay {words_before}")
    shown = excerpt(project, texts.substring("needle", "completion"), said)
    assert len(shown) == 1
    assert shown[0].startswith("completion: …word word word hay [needle] hay word")
    assert shown[0].endswith("…")
    assert len(shown[0]) < 300


def test_an_excerpt_marks_no_word_that_only_begins_where_reading_ended(project: Project) -> None:
    text = "x" * 9_990 + " order " + "ly " + "order"
    with patch.object(snippets, "_READ", (9_996, None)):
        shown = excerpt(project, texts.mentions("order"), Said(f"{'x' * 9_990} orderly, in order", text))
    assert [one.count("[order]") for one in shown] == [1, 2]


@pytest.mark.parametrize("before", ["ß" * 30, "İ" * 30, "ﬃ ", "plain "])
def test_hits_are_marked_in_texts_that_fold_to_more_letters(project: Project, before: str) -> None:
    shown = excerpt(project, texts.substring("STRASSE", "prompt"), Said(f"{before}-Straße-weg", ""))
    assert "-[Straße]-weg" in shown[0]


# Several at once, and sudden ends


INDEX = """
from interactions import texts
from interactions.models import Project, TextSegment, Transcript

project = Project.objects.get(key="two-indexers").pk
indexer = texts.Indexer()
while any(one.project_id == project for one in texts.behind()):
    for _ in indexer.catch_up(project, 3):
        indexer._release(project)  # so that the other one gets in between
"""
COMPARE = """
live = TextSegment.objects.filter(project=project, live=True).order_by("first").values_list("first", "last")
assert [first for first, _ in live] == [1, *(last + 1 for _, last in live)][:-1]

class Part:
    searched = texts.mentions("you")

words = "interaction__number", "prompt_text", "completion_text"
told = Transcript.objects.filter(project=project).values_list(*words)
holds = texts.words.distinct
said = {n for n, p, c in told if "you" in holds(p.casefold()) | holds(c.casefold())}
assert set(texts.numbers(project, Part)) == said and said
print("the same")
"""


def test_two_processes_that_index_at_once_end_with_the_same_index(new_store: NewStore, tmp_path: Path) -> None:
    environment = new_store(tmp_path)
    manage(environment, "load_demo", "--project", "two-indexers", "--count", "60")
    with ThreadPoolExecutor(2) as both:
        list(both.map(lambda _: manage(environment, "shell", "--verbosity", "0", "--command", INDEX), range(2)))
    told = manage(environment, "shell", "--verbosity", "0", "--command", INDEX + COMPARE)
    assert told == "the same"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("after", [1, 2, 3, 5, 8, 13])
def test_an_indexer_that_dies_at_any_point_does_no_harm(project: Project, after: int) -> None:
    """It dies after so many statements, as by `kill -9`: what is committed by then is all that remains of it."""
    chance = random.Random(after)
    told = record(project, *random_said(chance, 40))

    class Died(BaseException):
        pass

    left = iter(range(after * 3))

    def mortal(execute: Callable[..., Any], *arguments: Any) -> Any:
        if next(left, None) is None:
            raise Died
        return execute(*arguments)

    with patch.object(segments, "_BYTES_AT_ONCE", 100), patch.object(indexing, "_SMALL", (64,)):
        with patch.object(texts.Indexer, "_release"), suppress(Died), connection.execute_wrapper(mortal):
            catch_up(project, 9)
        check(project, told, chance, 10)
        much_later = ids.now() + timedelta(hours=1)
        with patch.object(ids, "now", lambda: much_later):
            catch_up(project, 9)
    assert not TextSegment.objects.filter(live=False).exists()
    assert not texts.behind()
    check(project, told, chance, 10)


def test_few_are_left_to_wait_and_then_indexed(project: Project) -> None:
    record(project, Said("one", ""))
    indexer = texts.Indexer()
    indexer.keep_all()
    assert not TextSegment.objects.exists()
    later = time.monotonic() + 60
    with patch.object(time, "monotonic", lambda: later):
        indexer.keep_all()
    assert stored_words() == {b"one"}


def test_what_comes_while_others_are_indexed_waits_to_be_many(project: Project) -> None:
    coming = iter([Said("two", "")])

    def pause() -> None:
        record(project, *coming)

    indexer = texts.Indexer(pause)
    record(project, Said("one", ""))
    indexer.keep_all()
    later = time.monotonic() + 60
    with patch.object(time, "monotonic", lambda: later):
        indexer.keep_all()
        assert next(coming, None) is None
        assert stored_words() == {b"one"}
        indexer.keep_all()
        assert stored_words() == {b"one"}


def test_a_command_indexes_everything_now(new_store: NewStore, tmp_path: Path) -> None:
    environment = new_store(tmp_path)
    manage(environment, "load_demo", "--project", "commanded", "--count", "60")
    assert manage(environment, "index_texts", "--project", "commanded") == "commanded: all texts are indexed."
    behind = "ids = {one.project_id for one in texts.behind()}; print(Project.objects.get(key='commanded').pk in ids)"
    script = f"from interactions import texts; from interactions.models import Project; {behind}"
    assert manage(environment, "shell", "--verbosity", "0", "--command", script) == "False"


def test_what_was_recorded_long_ago_is_indexed_by_several_processes(project: Project) -> None:
    """Which here are threads without a store of their own."""
    chance = random.Random(6)
    told = record(project, *random_said(chance, 70))

    def at_once(_: object, project_id: int, block: int) -> Future[Made]:
        done: Future[Made] = Future()
        done.set_result(bulk._made(project_id, block))
        return done

    with ExitStack() as patches:
        for module in (bulk, indexing, segments):
            patches.enter_context(patch.object(module, "BLOCK", 16))
        patches.enter_context(patch.object(bulk, "connection"))
        pool = patches.enter_context(patch.object(bulk, "ProcessPoolExecutor"))
        pool.return_value.__enter__.return_value.submit = lambda act, *given: at_once(act, *given)
        steps = list(bulk.catch_up(project.pk))
        check(project, told, chance, 20)
    assert steps[-1] == (max(told), max(told))
    assert [segment.last for segment in segments.live(project.pk)][:4] == [15, 31, 47, 63]


# Time


@pytest.mark.django_db(transaction=True)
def test_what_takes_too_long_is_ended_by_the_store_itself(project: Project) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    too_slow = pytest.raises(TooSlow, match=r"could not be answered in 0\.05 seconds")
    with too_slow, database.time_limit(0.05), connection.cursor() as cursor:
        cursor.execute(endless)
    with connection.cursor() as cursor:
        cursor.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n LIMIT 50000")
        assert len(cursor.fetchall()) == 50_000
    assert Project.objects.count() == 1


def test_work_outside_the_store_keeps_to_the_limit_too(project: Project) -> None:
    record(project, Said("->", ""))
    later = time.monotonic() + 61
    with pytest.raises(TooSlow), database.time_limit(60), patch.object(time, "monotonic", lambda: later):
        texts.numbers(project.pk, Part(texts.substring("->", "prompt")))
    assert texts.numbers(project.pk, Part(texts.substring("->", "prompt")))
