"""A believable quarter of a year of interactions, to show the browser to somebody who has no data yet.

`tell(until)` writes it: support, code, summaries, translations, extraction and questions about pictures, with labels,
feedback, sessions, failures and comparisons. Pure Python and deterministic: the same `until` gives the same story.
"""

from __future__ import annotations

from interactions.demo.judgements import FEEDBACK_KEYS
from interactions.demo.story import Preference, Story, tell

__all__ = ["FEEDBACK_KEYS", "Preference", "Story", "tell"]
