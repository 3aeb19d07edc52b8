"""What two texts have in common: nothing is lost of either, and it takes no longer than it may."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interactions.web import word_diff
from interactions.web.word_diff import Difference, difference

texts = st.lists(st.sampled_from(["a", "b", "the", " ", "\n", ".", "日本", "Größe", "\x00"]), max_size=30).map("".join)


def marked(found: Difference) -> str:
    left = "".join(piece.text if piece.is_same else f"-{piece.text}-" for piece in found.left)
    right = "".join(piece.text if piece.is_same else f"+{piece.text}+" for piece in found.right)
    return f"{left} | {right}"


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("", "", " | "),
        ("same", "same", "same | same"),
        ("", "new", " | +new+"),
        ("It is red.", "It is blue.", "It is -red-. | It is +blue+."),
        ("one two three", "one three", "one -two -three | one three"),
        ("a b c d", "w x y z", "-a b c d- | +w x y z+"),
        ("最高の山", "最高の川", "最高の-山- | 最高の+川+"),
        ("the end", "at the end", "the end | +at +the end"),
    ],
)
def test_words_that_differ_are_marked(left: str, right: str, expected: str) -> None:
    assert marked(difference(left, right)) == expected


@given(left=texts, right=texts)
def test_both_texts_are_whole_and_what_is_the_same_is_so_in_both(left: str, right: str) -> None:
    found = difference(left, right)
    assert "".join(piece.text for piece in found.left) == left
    assert "".join(piece.text for piece in found.right) == right
    assert [p.text for p in found.left if p.is_same] == [p.text for p in found.right if p.is_same]
    if left == right:
        assert not found.only_left
        assert not found.only_right


@given(left=st.lists(st.sampled_from("ab"), max_size=12), right=st.lists(st.sampled_from("ab"), max_size=12))
def test_as_little_as_can_be_differs(left: list[str], right: list[str]) -> None:
    longest = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            longest[i + 1][j + 1] = longest[i][j] + 1 if a == b else max(longest[i][j + 1], longest[i + 1][j])
    runs = word_diff._runs(left, right)
    assert runs is not None
    assert sum(run.size for run in runs) == longest[-1][-1]


def test_what_differs_in_too_many_words_is_compared_by_lines_and_that_too_is_given_up() -> None:
    chance = random.Random(1)
    lines = [" ".join(chance.choices("abcdefghij", k=30)) + "\n" for _ in range(300)]
    others = [line if n % 3 else " ".join(chance.choices("klmnopqrst", k=30)) + "\n" for n, line in enumerate(lines)]
    found = difference("".join(lines), "".join(others))
    assert (found.unit, found.only_left, found.only_right, found.same) == ("line", 100, 100, 200)
    foreign = "\n".join("x" * n for n in range(1_200))
    found = difference("".join(lines * 4), foreign)
    assert (found.unit, len(found.left), len(found.right)) == ("", 1, 1)


@pytest.mark.parametrize("kind", ["repeated", "random", "foreign"])
def test_the_worst_texts_take_no_more_than_a_moment(kind: str) -> None:
    chance = random.Random(2)
    most = word_diff.LONGEST
    left, right = {
        "repeated": ("a " * (most // 2), "b a " * (most // 4)),
        "random": (" ".join(chance.choices("ab", k=most // 2)), " ".join(chance.choices("ab", k=most // 2))),
        "foreign": ("a" * 9 + "b\n" * (most // 2), "c\n" * (most // 2)),
    }[kind]
    began = time.process_time()
    difference(left, right)
    assert time.process_time() - began < 5
