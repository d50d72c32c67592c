"""Errors: what they say, and what the command line and the API make of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import orjson
import pytest
import typer

from hub import errors
from hub.api.problems import problem_response
from hub.cli import run_app
from hub.errors import ConfigurationError, Conflict, FieldError, FieldLocation, HubError, InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator


Captured: TypeAlias = pytest.CaptureFixture[str]


def kinds(above: type[HubError] = HubError) -> Iterator[type[HubError]]:
    """Give every kind of error of the tree; other modules may have narrower ones."""
    yield above
    for kind in above.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield from kinds(kind)


def run(fault: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a command that fails and return its exit code."""
    monkeypatch.setattr("sys.argv", ["osr-hub"])
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def fail() -> None:
        raise fault

    with pytest.raises(SystemExit) as ended:
        run_app(app)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_without_words_of_its_own_an_error_says_its_docstring() -> None:
    """The first line of the class is the message."""
    assert str(NotFound()) == "There is no such thing."


def test_an_error_says_to_whom_and_what_next() -> None:
    """School, service and the next step stand in the sentence."""
    error = NotFound("no mandate", brin="18DS", service="VVA", next_step="Grant one.")

    assert str(error) == "no mandate (school 18DS, service VVA)\nGrant one."


@pytest.mark.parametrize("kind", list(kinds()), ids=lambda kind: kind.__name__)
def test_every_kind_has_a_code_and_a_place_in_the_tree(kind: type[HubError]) -> None:
    """No kind shares its code with another, and the module's picture shows it."""
    assert [other for other in kinds() if other.code == kind.code] == [kind]
    assert kind.__name__ in (errors.__doc__ or "")


def test_a_conflict_tells_its_reason_to_programs() -> None:
    """The code of a problem is what a program decides by."""
    problem = orjson.loads(problem_response(Conflict("already_subscribed", "there is one"), "http://hub").body)

    assert problem == {
        "type": "http://hub/problems/conflict",
        "title": "Conflict",
        "status": 409,
        "detail": "there is one",
        "code": "already_subscribed",
    }


def test_wrong_input_with_one_cause_is_named_after_it() -> None:
    """The code of the only fault is also the problem's own."""
    fault = FieldError(in_=FieldLocation.BODY, field="/url", code="handshake_refused", detail="no consent")
    problem = orjson.loads(problem_response(InvalidInput([fault]), "http://hub").body)

    assert problem["code"] == "handshake_refused"
    assert problem["detail"] == "1 field is wrong"
    assert problem["errors"] == [{"in": "body", "field": "/url", "code": "handshake_refused", "detail": "no consent"}]


def test_what_the_caller_cannot_help_is_told_without_details() -> None:
    """A wrong installation is our own matter: the caller hears 500 and nothing else."""
    sent = problem_response(ConfigurationError("the key file /secret is gone"), "http://hub")

    assert sent.status_code == 500
    assert b"secret" not in bytes(sent.body)


def test_the_command_line_says_it_and_ends_with_2(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """A known fault is a sentence on standard error, without a traceback."""
    assert run(ConfigurationError("no database is named", next_step="Set one."), monkeypatch) == 2
    said = capsys.readouterr()
    assert said.err == "osr-hub: no database is named\nSet one.\n"
    assert said.out == ""


def test_faults_of_tasks_together_are_all_said(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a group of tasks raises comes out as its sentences."""
    group = ExceptionGroup("tasks", [ConfigurationError("first"), ExceptionGroup("more", [NotFound("second")])])

    assert run(group, monkeypatch) == 2
    assert capsys.readouterr().err == "osr-hub: first\nosr-hub: second\n"


def test_a_fault_of_our_own_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody foresaw comes out as it is."""
    with pytest.raises(ZeroDivisionError):
        run(ZeroDivisionError(), monkeypatch)


@pytest.mark.parametrize("code", [0, 1])
def test_an_answer_keeps_its_exit_code(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Done is 0, no is 1."""
    assert run(typer.Exit(code), monkeypatch) == code
