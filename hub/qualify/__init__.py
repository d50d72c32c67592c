"""Qualify a receiver: play the hub against it, and judge what it answers.

In: the URL of a receiver, and its secret. Out: a verdict on each rule, in an order in which each builds on the one
before. Messages are made, signed and sent by the code that serves every receiver. Next: `hub.commands.qualify` prints
the report.
"""

from hub.qualify.judge import NOT_JUDGED_FROM_OUTSIDE, Judgement, Qualification, qualify
from hub.qualify.verdicts import RuleResult, Verdict

__all__ = ["NOT_JUDGED_FROM_OUTSIDE", "Judgement", "Qualification", "RuleResult", "Verdict", "qualify"]
