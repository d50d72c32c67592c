"""The body of a qualification, as `osr-hub qualify --json` prints it."""

from hub.qualify import NOT_JUDGED_FROM_OUTSIDE, Qualification, Verdict
from hub.views.models import CamelModel, Moment


class CheckBody(CamelModel):
    """A rule, what came of it, and what to do where it is broken."""

    name: str
    rule: str
    verdict: Verdict
    detail: str
    advice: str | None


class QualificationBody(CamelModel):
    """What a receiver does right and wrong."""

    ok: bool
    url: str
    origin: str
    at: Moment
    right: int
    wrong: int
    not_judged: int
    checks: list[CheckBody]
    not_judged_from_outside: list[str]


def show_qualification(found: Qualification) -> QualificationBody:
    """Return the body of a qualification."""
    return QualificationBody(
        ok=found.is_qualified,
        url=found.url,
        origin=found.origin,
        at=found.at,
        right=found.count(Verdict.RIGHT),
        wrong=found.count(Verdict.WRONG),
        not_judged=found.count(Verdict.NOT_JUDGED),
        checks=[
            CheckBody(
                name=each.check.name,
                rule=each.check.rule,
                verdict=each.result.verdict,
                detail=each.result.detail,
                advice=each.check.advice if each.result.verdict is Verdict.WRONG else None,
            )
            for each in found.judgements
        ],
        not_judged_from_outside=list(NOT_JUDGED_FROM_OUTSIDE),
    )
