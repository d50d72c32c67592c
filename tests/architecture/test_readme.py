"""The README says what is: whatever it names exists, and its picture is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import consumers.planning.planner
import consumers.reporting.reader
import producers.delivery_changes
import producers.relay
from hub.settings.read import known_names
from schemas.topics import TOPICS
from tests.support import documented_names

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
DECISIONS = sorted((ROOT / "hub" / "decisions").glob("*.md"))
PROSE = {path.relative_to(ROOT): path.read_text() for path in (ROOT / "README.md", ROOT / "CHANGELOG.md", *DECISIONS)}
PICTURE = README.split("## The flow")[1].split("```")[1]
ROOMS = README.split("## Where to look next")[1].split("##")[0]
SETTINGS = README.split("## Settings")[1].split("##")[0]


def test_every_module_named_exists() -> None:
    """A dotted name in the README or in a decision is a module."""
    missing = [(path, name) for path, text in PROSE.items() for name in documented_names.MODULE.findall(text)]

    assert [(path, name) for path, name in missing if not documented_names.exists(name)] == []


def test_every_command_named_can_be_typed() -> None:
    """Commands, subcommands and options of the README are those of the programs, and what is needed is given."""
    commands = documented_names.commands(README)

    assert len(commands) > 15
    assert [(words, fault) for words in commands if (fault := documented_names.fault_of(words))] == []


def test_every_make_target_named_is_in_the_makefile() -> None:
    """What the README tells a stranger to make can be made."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    wanted = set(re.findall(r"\bmake ([a-z]+)", documented_names.code(README)))

    assert {"demo", "up", "test", "check", "bench"} <= wanted <= targets


def test_every_topic_is_named_and_no_other() -> None:
    """The README and the decisions know the topics of the table."""
    topics = {topic.name for topic in TOPICS}

    assert set(documented_names.TOPIC.findall(README)) == topics
    assert {name for text in PROSE.values() for name in documented_names.TOPIC.findall(text)} == topics


def test_the_picture_puts_each_topic_beside_who_reads_or_writes_it() -> None:
    """In the picture a stage stands on the line of the topic that its code names."""
    for stage, topic in (
        ("producers.relay", producers.relay.TOPIC),
        ("producers.delivery_changes", producers.delivery_changes.TOPIC),
        ("consumers.reporting", consumers.reporting.reader.TOPIC),
    ):
        lines = [line for line in PICTURE.splitlines() if topic in line]
        assert any(stage in line for line in lines), stage
    assert consumers.planning.planner.TOPIC in PICTURE


def test_the_picture_shows_every_stage() -> None:
    """No publisher and no consumer is left out of the picture."""
    publishers = {
        f"producers.{path.stem}"
        for path in (ROOT / "producers").glob("*.py")
        if re.search(r"^async def run\(", path.read_text(), re.MULTILINE)
    }
    stages = {f"consumers.{path.parent.name}" for path in (ROOT / "consumers").glob("*/__init__.py")}

    assert len(stages) == 3
    assert publishers | stages <= set(documented_names.MODULE.findall(PICTURE))


def test_every_setting_is_in_the_table_and_no_other() -> None:
    """The table of settings is complete; DUO's Kafka has the names of ours."""
    known = {name.removeprefix("OSR_HUB_") for name in known_names()}
    kafka = {name for name in known if name.startswith("KAFKA__")}
    told = set(re.findall(r"`([A-Z]+(?:__[A-Z_]+[A-Z])?)`", SETTINGS))

    assert told | {f"DUO_{name}" for name in kafka} == known


def test_every_setting_named_elsewhere_exists() -> None:
    """Names with their prefix are settings, the token of who gives a command, or servers for the tests."""
    servers = {"OSR_HUB_TEST_CHROMIUM", "OSR_HUB_TEST_KAFKA", "OSR_HUB_TEST_POSTGRES"}
    known = {*known_names(), "OSR_HUB_TOKEN", *servers}

    assert {name for text in PROSE.values() for name in documented_names.SETTING.findall(text)} - {"OSR_HUB"} <= known


def test_every_call_named_is_answered() -> None:
    """A method and a path in the README are a route of the API or a page."""
    asked = set(documented_names.CALL.findall(README))
    paths = {path for _, path in documented_names.calls()} | {"/v1/openapi.json"}

    assert len(asked) >= 5
    assert asked <= documented_names.calls()
    assert set(re.findall(r"`(/(?:v1|health|metrics|console|mandaten)[\w/.{}-]*)`", README)) <= paths


def test_every_file_named_is_there() -> None:
    """Paths between backticks and links lead somewhere."""
    tops = ("consumers/", "deploy/", "hub/", "producers/", "schemas/", "tests/")
    for path, text in PROSE.items():
        spans = [span for span in re.findall(r"`([^`\s]+/[^`\s]*)`", text) if span.startswith(tops)]
        links = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in link]
        for span in spans:
            assert (ROOT / span).exists(), (path, span)
        for link in links:
            assert (ROOT / path).parent.joinpath(link).exists(), (path, link)


def test_every_room_is_in_the_table() -> None:
    """Each folder at the top that is ours has its row."""
    rows = set(re.findall(r"`([a-z]+)/", ROOMS))

    assert rows == {"consumers", "deploy", "hub", "producers", "schemas", "tests"}


def test_a_decision_names_what_was_rejected_and_when_to_look_again() -> None:
    """Decisions are numbered without gaps, and each has its parts."""
    assert [path.name[:5] for path in DECISIONS] == [f"{n:04}-" for n in range(1, len(DECISIONS) + 1)]
    for path in DECISIONS:
        text = path.read_text()
        assert text.startswith(f"# {int(path.name[:4])}. ")
        assert all(f"**{part}" in text for part in ("Decided.", "Because.", "Rejected.", "Look again")), path.name


def test_the_changelog_begins_with_the_version_of_the_program() -> None:
    """What is released last is what is installed."""
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)

    assert version is not None
    assert re.findall(r"^## (\S+)", CHANGELOG, re.MULTILINE)[0] == version[1]
