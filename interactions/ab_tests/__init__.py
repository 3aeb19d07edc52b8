"""A/B tests: models of a project that compete for its requests, until feedback tells which is the best.

A share of the requests that name no model goes to the arms (`choose`). An interaction that was recorded with the name
of a test is an entry of it (`ingest` does that). The feedback under the test's metric that entries are given is its
scores, and `report` says what they show so far. `carry_on` ends a test when they show it well enough.
"""

from interactions.ab_tests.acts import cancel, create, get, visible
from interactions.ab_tests.choice import Arms, Choice, arms, choose_in
from interactions.ab_tests.looks import carry_on, look
from interactions.ab_tests.reports import Against, Report, Variant, report
from interactions.ab_tests.significance import Interval

__all__ = [
    "Against",
    "Arms",
    "Choice",
    "Interval",
    "Report",
    "Variant",
    "arms",
    "cancel",
    "carry_on",
    "choose_in",
    "create",
    "get",
    "look",
    "report",
    "visible",
]
