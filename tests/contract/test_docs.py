"""`/docs`: what those who connect read; the guides, the API, the messages, and what they start from."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from pathlib import Path
from subprocess import run
from sys import executable
from typing import TYPE_CHECKING, Final

import orjson
import pytest

from hub.console.guides import GUIDES, RECEIVERS, guide_folder, read_guide
from hub.domain.says import Language
from schemas.published import DOCUMENTS
from tests.support import documented_names

if TYPE_CHECKING:
    from tests.support.api.client import Client

ROOT: Final = Path(__file__).parents[2]
FILES: Final = sorted((ROOT / "deploy" / "guides").glob("*.md"))
BLOCKS: Final = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINKS: Final = re.compile(r'(?:href|src)="([^"#]*)(?:#[^"]*)?"')
PAGES: Final = ("/docs", "/docs/api", "/docs/events", *(f"/docs/{name}" for name in GUIDES))


async def test_everyone_may_read_every_page_in_both_languages(hub: Client) -> None:
    """Nobody has to log in; a page says its language, and every link on it that is ours leads somewhere."""
    stranger = replace(hub, token=None)
    seen: set[str] = set()
    for language in ("nl", "en"):
        for path in PAGES:
            page = await stranger.call("GET", f"{path}?lang={language}")
            assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8"), path
            text = page.body.decode()
            assert f'<html lang="{language}">' in text
            seen |= {link for link in LINKS.findall(text) if link.startswith("/")}
    assert {f"/v1/schemas/{name}" for name in DOCUMENTS} | {f"/docs/receivers/{name}" for name in RECEIVERS} <= seen
    dead = {link: found.status for link in sorted(seen) if (found := await stranger.call("GET", link)).status >= 400}
    assert dead == {}


async def test_the_policy_of_the_pages_is_kept(hub: Client) -> None:
    """No inline script or style anywhere; only the page of the API takes pictures that its style sheet holds."""
    for path in PAGES:
        page = await hub.call("GET", path)
        policy = page.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert ("data:" in policy) is (path == "/docs/api")
        assert not re.search(
            r"<style|\sstyle=|<script>|https?://(?!www\.standardwebhooks\.com)[^\s<]*\.js", page.body.decode()
        )


async def test_what_is_not_there_is_a_page_that_says_so(hub: Client) -> None:
    """No other file can be read through a name."""
    for path in (
        "/docs/nothing",
        "/docs/receivers/nothing",
        "/docs/receivers/..%2flas.nl.md",
        "/docs/receivers/node_modules",
    ):
        assert (await hub.call("GET", path)).status == 404


async def test_the_messages_are_described_for_programs_and_for_people(hub: Client) -> None:
    """The AsyncAPI is the committed document; the page shows each channel and each attribute of it."""
    served = await hub.call("GET", "/v1/asyncapi.json")
    assert served.status == 200
    document = orjson.loads((ROOT / "schemas" / "asyncapi.json").read_bytes())
    assert served.json == document
    page = (await hub.call("GET", "/docs/events?lang=en")).body.decode()
    for channel in document["channels"].values():
        assert f"<code>{channel['address'] or channel['title']}</code>" in page
    for name in ("previoussequence", "ledgerepoch", "mandateVersion", "reportedAt"):
        assert f"<code>{name}</code>" in page


@pytest.mark.parametrize("name", GUIDES)
def test_a_guide_says_the_same_in_both_languages(name: str) -> None:
    """The same commands, the same links, as many headings, rows and points."""
    dutch, english = [
        (guide_folder() / f"{name}.{each.value}.md").read_text() for each in (Language.DUTCH, Language.ENGLISH)
    ]
    assert BLOCKS.findall(dutch) == BLOCKS.findall(english)

    def shape(text: str) -> list[int]:
        return [len(re.findall(sign, text, re.MULTILINE)) for sign in (r"^#", r"^\|", r"^\d+\.", r"^- ")]

    def links(text: str) -> set[str]:
        return {re.sub(r"\.(nl|en)\.md$", "", link) for link in re.findall(r"\]\(([^)]+)\)", text)}

    assert shape(dutch) == shape(english)
    assert links(dutch) == links(english)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_guide_names_only_what_there_is(path: Path) -> None:
    """Commands can be typed, calls are answered, topics and files exist, and lines are of a length to read."""
    text = path.read_text()
    commands = documented_names.commands(text)
    assert [(words, fault) for words in commands if (fault := documented_names.fault_of(words))] == []
    calls = {(method, path.partition("?")[0]) for method, path in documented_names.CALL.findall(text)}
    known = documented_names.calls()
    assert {call for call in calls if call not in known and not _is_known(call, known)} == set()
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert "://" in link or link.startswith("/docs/") or (path.parent / link).exists(), link


def test_the_wheel_brings_the_guides(tmp_path: Path) -> None:
    """An installed hub has them where it looks for them, and nothing that npm installed."""
    words = (executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path))
    built = run(words, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own build
    assert built.returncode == 0, built.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        there = {name for name in wheel.namelist() if name.startswith("hub/guides/")}
    wanted = {f"{name}.{each.value}.md" for name in GUIDES for each in Language}
    assert there == {
        f"hub/guides/{name}" for name in (*wanted, "runbook.md", *(f"receivers/{each}" for each in RECEIVERS))
    }


def test_a_guide_is_html_without_raw_html() -> None:
    """Links between guides lead to pages, headings have anchors, and no Markdown is left."""
    guide = read_guide("las", Language.ENGLISH)
    assert guide.title == "For a LAS"
    assert 'href="/docs/rules"' in guide.html
    assert 'href="/docs/receivers/receiver.py"' in guide.html
    assert ("subscribe", "Subscribe") in guide.headings
    assert '<h2 id="subscribe">' in guide.html
    assert "](" not in guide.html


def _is_known(call: tuple[str, str], known: set[tuple[str, str]]) -> bool:
    """Return whether a path with its parameters under other names is a call of the API."""
    method, path = call
    return any(m == method and re.sub(r"\{\w+\}", "{}", p) == re.sub(r"\{\w+\}", "{}", path) for m, p in known)


async def test_the_runbook_is_where_alerts_lead(hub: Client) -> None:
    """Open to all, with an anchor per alert; links inside it lead to its own headings."""
    page = (await hub.get("/docs/runbook")).body.decode()
    ids, links = set(re.findall(r'id="([\w-]+)"', page)), set(re.findall(r'href="#([\w-]+)"', page))

    assert {"osrhubunseen", "receiver_down", "sending-again"} <= ids
    assert links <= ids
