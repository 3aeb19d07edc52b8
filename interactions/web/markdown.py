"""What people and models wrote, as HTML that cannot do anything: no script, no picture, no style, nothing loaded.

Two locks, either of which would hold alone: the renderer escapes raw HTML and refuses `javascript:` links, and its
output is then cut down to an allow-list of elements. The one thing the renderer alone would let through is the
picture from elsewhere, which would tell its owner who reads this; it becomes a link in words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any
from urllib.parse import urlsplit

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

TAGS = {
    *("p", "br", "hr", "em", "strong", "s", "a", "code", "pre", "blockquote", "h3", "ul", "ol", "li"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES: dict[str, set[str]] = {"*": set(), "a": {"href"}, "ol": {"start"}}
SCHEMES = {"http", "https", "mailto"}
REL = "noopener noreferrer nofollow"

_MARKUP = re.compile(r"[*_`#>|~\[\]\\<&\n]|^\s*(?:[-+=]|\d+[.)])|^ {4}|^\t")


def is_plain(text: str) -> bool:
    """Whether rendering would only put a paragraph around it."""
    return not _MARKUP.search(text)


def render(text: str) -> SafeString:
    return _trusted(
        nh3.clean(_parser.render(text), tags=TAGS, attributes=ATTRIBUTES, url_schemes=SCHEMES, link_rel=REL)
    )


def _trusted(cleaned: str) -> SafeString:
    return mark_safe(cleaned)  # noqa: S308 - nh3 has just cut it down to TAGS; nothing else in the project is marked


# How the renderer differs from CommonMark


def _level_headings(state: StateCore) -> None:
    """A text's headings must not upset the page's outline: the upper two levels become h3, the others bold lines."""
    for index, token in enumerate(state.tokens):
        if token.type not in ("heading_open", "heading_close"):
            continue
        if token.tag in ("h1", "h2"):
            token.tag = "h3"
        else:
            token.tag = "p"
            inline = state.tokens[index + 1] if token.type == "heading_open" else None
            if inline is not None and inline.children is not None:
                inline.children = [
                    Token("strong_open", "strong", 1),
                    *inline.children,
                    Token("strong_close", "strong", -1),
                ]


def _name_hosts(state: StateCore) -> None:
    """A link says where it leads, whatever its words claim."""
    for token in state.tokens:
        if token.children and any(child.type == "link_open" for child in token.children):
            token.children = list(_with_hosts(token.children))


def _with_hosts(children: Sequence[Token]) -> list[Token]:
    told: list[Token] = []
    host, words = "", ""
    for child in children:
        if child.type == "link_open":
            host, words = _host(str(child.attrGet("href") or "")), ""
        elif child.type == "link_close" and host and host not in words:
            told.append(Token("text", "", 0, content=f" ({host})"))
        else:
            words += child.content
        told.append(child)
    return told


def _host(address: str) -> str:
    try:
        return urlsplit(address).netloc
    except ValueError:
        return ""


def _image(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """A picture from elsewhere is not loaded; the reader sees that there is one, and where."""
    token = tokens[index]
    return escape(f"[image: {token.content or 'untitled'} – {token.attrGet('src')}]")


def _make_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True, "maxNesting": 20})
    parser.enable(["table", "strikethrough"])
    parser.core.ruler.push("level_headings", _level_headings)
    parser.core.ruler.push("name_hosts", _name_hosts)
    parser.add_render_rule("image", _image)
    return parser


_parser = _make_parser()
