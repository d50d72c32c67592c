"""The guides for those who connect. In: the name of a guide and a language. Out: HTML, made from its Markdown.

The files are those of `deploy/guides`; a wheel has them in `hub/guides`. Their links to each other lead to pages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

from markdown_it import MarkdownIt

from hub.views.runbook import anchor_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from markdown_it.token import Token

    from hub.domain.says import Language

GUIDES: Final = ("las", "duo", "rules", "conformance")
RECEIVERS: Final = (
    "receiver.py",
    "receiver.mjs",
    "package.json",
    "package-lock.json",
    "duo_reader.py",
    "DuoReader.java",
)
"""What a guide lets a reader take away, as text."""
_PACKAGE: Final = Path(__file__).parents[1]
_GUIDE_LINK: Final = re.compile(r"(\w+)\.(?:nl|en)\.md")
_RECEIVER_LINK: Final = re.compile(r"receivers/([\w.-]+)")
_markdown: Final = MarkdownIt("commonmark", {"html": False}).enable("table")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """A guide to read: its title, the HTML below it, and the headings as (anchor, text)."""

    title: str
    html: str
    headings: tuple[tuple[str, str], ...]


def guide_folder() -> Path:
    """Return the folder of the guides: in a wheel the package's own, in a checkout `deploy/guides`."""
    installed = _PACKAGE / "guides"
    return installed if installed.is_dir() else _PACKAGE.parent / "deploy" / "guides"


@cache
def read_guide(name: str, language: Language) -> Guide:
    """Read a guide; `KeyError` when there is none of that name."""
    if name not in GUIDES:
        raise KeyError(name)
    tokens = _markdown.parse((guide_folder() / f"{name}.{language.value}.md").read_text(encoding="utf-8"))
    title = tokens[1].content
    rest = tokens[3:]
    headings = tuple(_anchor(rest))
    _lead_links_to_pages(rest)
    return Guide(title=title, html=_markdown.renderer.render(rest, _markdown.options, {}), headings=headings)


@cache
def read_runbook() -> Guide:
    """Read the runbook, to which each alert leads; its headings have the anchors that a forge gives them."""
    installed = guide_folder() / "runbook.md"
    path = installed if installed.is_file() else guide_folder().parent / "runbook.md"
    tokens = _markdown.parse(path.read_text(encoding="utf-8"))
    title, rest = tokens[1].content, tokens[3:]
    headings = tuple(_anchor(rest, ("h2", "h3"), anchor_of))
    return Guide(title=title, html=_markdown.renderer.render(rest, _markdown.options, {}), headings=headings)


@cache
def read_receiver(name: str) -> bytes:
    """Read a file that receivers start from; `KeyError` when there is none of that name."""
    if name not in RECEIVERS:
        raise KeyError(name)
    return (guide_folder() / "receivers" / name).read_bytes()


def _plain_anchor(heading: str) -> str:
    return re.sub(r"\W+", "-", heading.lower()).strip("-")


def _anchor(
    tokens: list[Token], tags: tuple[str, ...] = ("h2",), anchor_of: Callable[[str], str] = _plain_anchor
) -> list[tuple[str, str]]:
    """Give each heading of these levels an anchor, and return them."""
    found = []
    for opening, content in pairwise(tokens):
        if opening.type == "heading_open" and opening.tag in tags:
            anchor = anchor_of(content.content)
            opening.attrSet("id", anchor)
            found.append((anchor, content.content))
    return found


def _lead_links_to_pages(tokens: list[Token]) -> None:
    for token in tokens:
        for child in token.children or ():
            if child.type == "link_open":
                child.attrSet("href", _page_of(str(child.attrGet("href"))))


def _page_of(link: str) -> str:
    if found := _GUIDE_LINK.fullmatch(link):
        return f"/docs/{found[1]}"
    if found := _RECEIVER_LINK.fullmatch(link):
        return f"/docs/receivers/{found[1]}"
    return link
