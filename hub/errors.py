"""Every error that a caller can do something about, drawn once.

    HubError                    what happened, to which school and service, what to do next
    ├── InvalidInput            the input is wrong; every wrong field is named
    ├── NotAuthenticated        there is no valid token
    ├── NotAllowed              this caller may not do that
    ├── NotFound                there is no such thing, or this caller may not know of it
    ├── Conflict                it conflicts with what the hub holds
    ├── PreconditionFailed      it was changed in the meantime
    ├── PreconditionRequired    the caller must name the version that it changes
    ├── MediaNotAccepted        the caller accepts no media type that the hub can answer in
    ├── MediaNotSupported       the caller sent a media type that the hub does not read
    ├── EncodingNotSupported    the caller sent a body that is compressed
    ├── TooLarge                the body is larger than the limit
    ├── RequestTimeout          the caller stopped in the middle of its request
    ├── HeadTooLarge            the head of the request is larger than the limit
    ├── TooManyRequests         this caller exceeded its rate
    │   └── TooManyChanges      this school changed more in an hour than receivers are asked to take
    ├── Unavailable             a part that is needed does not answer now
    │   └── TooSlow             the answer took longer than one caller may take
    ├── ChoreEnded              a part of this process ended, so the process ends
    ├── LogIsAhead              the database was restored from a backup, and the published log has more events
    ├── CannotRecover           the published log contradicts the database
    └── ConfigurationError      this installation is set up wrongly
        └── EmbeddedUnavailable the embedded stack cannot be started here

In: a fact. Out: a sentence for a person. `hub.api.problems` turns it into a problem, `hub.cli` into an exit code. The
docstring of a class is the message of an error that is raised without one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence


class FieldLocation(StrEnum):
    """The part of the input that holds a field."""

    BODY = "body"
    QUERY = "query"
    PATH = "path"
    HEADER = "header"
    FILE = "file"
    ENVIRONMENT = "environment"


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldError:
    """One wrong field: `field` is a JSON pointer such as `/branches/0/branch`, or in a file the line and column."""

    in_: FieldLocation = FieldLocation.BODY
    field: str
    code: str
    detail: str
    stands_for: int = 1
    """How many wrong fields it stands for; more than one only where the rest of a long list is counted, not named."""
    unchecked: int = 0
    """How many items of that list were not checked any more."""


class HubError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "error"

    def __init__(
        self,
        detail: str | None = None,
        *,
        next_step: str | None = None,
        brin: str | None = None,
        service: str | None = None,
    ) -> None:
        said = type(self).__doc__ or type(self).code.replace("-", " ")  # `python -OO` has no docstrings
        self.detail = detail or said.partition("\n")[0]
        self.next_step = next_step
        self.brin = brin
        self.service = service
        super().__init__(self.detail)

    def __str__(self) -> str:
        """Return what happened, to which school and service, and what to do next."""
        about = ", ".join(f"{kind} {name}" for kind, name in (("school", self.brin), ("service", self.service)) if name)
        said = f"{self.detail} ({about})" if about else self.detail
        return f"{said}\n{self.next_step}" if self.next_step else said


class InvalidInput(HubError):
    """What was given is wrong."""

    code = "invalid-input"

    def __init__(self, errors: Sequence[FieldError], detail: str | None = None) -> None:
        self.errors = tuple(errors)
        count = sum(error.stands_for for error in self.errors)
        super().__init__(detail or (f"{count} fields are wrong" if count != 1 else "1 field is wrong"))

    def __str__(self) -> str:
        """Return one line for each wrong field."""
        return "\n".join((f"{self.detail}:", *(f"  {e.field or e.in_}: {e.detail}" for e in self.errors)))


class NotAuthenticated(HubError):
    """A valid bearer token is needed."""

    code = "not-authenticated"

    def __init__(self, detail: str | None = None, *, was_given: bool = True) -> None:
        super().__init__(detail)
        self.was_given = was_given


class NotAllowed(HubError):
    """This caller may not do that."""

    code = "not-allowed"


class NotFound(HubError):
    """There is no such thing."""

    code = "not-found"


class Conflict(HubError):
    """It does not go together with what is there."""

    code = "conflict"

    errors: tuple[FieldError, ...] = ()
    """The fields that conflict, where they are fields of the input."""

    def __init__(
        self, reason: str, detail: str | None = None, *, brin: str | None = None, service: str | None = None
    ) -> None:
        super().__init__(detail, brin=brin, service=service)
        self.reason = reason

    def at(self, errors: Sequence[FieldError]) -> Conflict:
        """Set the fields that conflict, and return this error."""
        self.errors = tuple(errors)
        return self


class PreconditionFailed(HubError):
    """It was changed in the meantime; read it again and decide again."""

    code = "precondition-failed"


class PreconditionRequired(HubError):
    """Say in If-Match which version this changes."""

    code = "precondition-required"


class MediaNotAccepted(HubError):
    """Answers are JSON only, and Accept leaves that out."""

    code = "not-acceptable"


class MediaNotSupported(HubError):
    """Only JSON is read: send Content-Type application/json."""

    code = "unsupported-media-type"


class EncodingNotSupported(HubError):
    """Bodies are read as they are: send it without Content-Encoding."""

    code = "unsupported-encoding"


class TooLarge(HubError):
    """The body is larger than what is read."""

    code = "too-large"


class RequestTimeout(HubError):
    """The rest of the request did not come in time; send it again, and whole."""

    code = "request-timeout"


class HeadTooLarge(HubError):
    """The head of the request is larger than what is read."""

    code = "head-too-large"


class TooManyRequests(HubError):
    """More was asked at once than one caller may ask."""

    code = "too-many-requests"

    def __init__(
        self, seconds: int = 1, why: str = "more is asked at once than one caller may ask", *, brin: str | None = None
    ) -> None:
        self.seconds = seconds
        super().__init__(f"{why}; ask again in {seconds} s", brin=brin)


class TooManyChanges(TooManyRequests):
    """This school changed more in an hour than receivers are asked to take."""

    code = "too-many-changes"


class Unavailable(HubError):
    """A part that is needed does not answer; try again later."""

    code = "unavailable"


class ChoreEnded(HubError):
    """A part of this process ended, so the process ends; its supervisor starts it again."""

    code = "chore-ended"


class TooSlow(Unavailable):
    """The answer takes too long; ask for less: name a destination, a school or a shorter time."""

    code = "too-slow"


class LogIsAhead(HubError):
    """The published log has events that the database does not have."""

    code = "log-is-ahead"


class CannotRecover(HubError):
    """The log cannot be read in."""

    code = "cannot-recover"


class ConfigurationError(HubError):
    """This installation is set up wrongly."""

    code = "configuration"


class EmbeddedUnavailable(ConfigurationError):
    """The embedded stack cannot be started here."""

    code = "embedded-unavailable"
