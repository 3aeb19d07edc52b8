"""What people and graders say about an answer."""

from __future__ import annotations

import random
from typing import Any

PRAISE = {
    "support": (
        "Solved in one message, thank you.", "Friendly and to the point.", "Right next step, and no empty promises.",
        "Customer confirmed that it worked.", "Good: says what happens next.", "Would have written it the same way.",
        "Finally an answer that does not make me repeat everything.", "Clear. Closed the ticket.",
    ),
    "code": (
        "Ran it, works.", "Exactly the index we were missing.", "Good explanation of the why.", "Merged with one rename.",
        "Correct, and the caution at the end saved us.", "Nice that it is short.", "Tests pass with this.",
    ),
    "writing": (
        "Nothing invented, nothing lost.", "Used it word for word.", "Good length.", "All the numbers are right.",
        "The tone fits.", "Valid JSON, parsed first time.", "Reads like a person wrote it.",
    ),
    "long": ("Long but worth reading.", "Well structured, needed only small edits.", "Took it over almost unchanged."),
    "vision": (
        "Values match the picture.", "Reads even the small print.", "Checked against the original: correct.",
        "Good alt text, short enough.", "Figures are right.", "Nice wording.",
    ),
}  # fmt: skip
BLAME = {
    "support": (
        "Rude. A customer would leave after this.", "Does not answer the question at all.", "No next step offered.",
        "Wrong policy: we do take these back.", "Sounds like a form letter.", "Blames the customer.",
        "I'd have expected at least an apology.", "Had to call the hotline in the end.",
    ),
    "code": (
        "Not helpful, the bug is obvious.", "Too short, no explanation.", "This would have hidden the problem.",
        "Approved a real defect.", "Guesswork.",
    ),
    "writing": (
        "Wrong format, asked for JSON only.", "Misses the decision, which was the point.", "Way too salesy.",
        "Not what I asked for.", "Could be about any meeting.", "It did not translate anything.",
    ),
    "long": ("Too long for the purpose.",),
    "vision": (
        "Number is wrong, look at the label.", "Misread the picture.", "Didn't look at the image at all.",
        "Off by one.", "Picked the wrong series.", "Total does not match the receipt.",
    ),
}  # fmt: skip
MIDDLING = (
    "Correct but could be shorter.", "Fine, a bit stiff.", "OK. I would have mentioned the exception.",
    "Usable after editing.", "Right, but I would have said it differently.", "Half of it was enough.",
)  # fmt: skip


def verdicts(theme: str, good: bool, chance: random.Random) -> list[dict[str, Any]]:
    """Feedback on one answer; most answers get none, bad ones get some more often."""
    kind = "support" if theme == "abroad" else theme
    eager = 1.0 if good else 1.9
    found: list[dict[str, Any]] = []
    grade = chance.choices((3, 4, 5), (14, 40, 46))[0] if good else chance.choices((1, 2, 3), (58, 36, 6))[0]
    if chance.random() < 0.27 * eager:
        found.append(
            {"metric": "thumbs", "value": chance.random() < (0.93 if good and grade > 3 else 0.7 if good else 0.04)}
        )
    if chance.random() < 0.18 * eager:
        found.append({"metric": "quality", "value": grade})
    if chance.random() < 0.05 * eager:
        level = chance.triangular(0, 0.12, 0.01) if good else chance.triangular(0.1, 0.8, 0.3)
        found.append({"metric": "toxicity", "value": round(level, 3)})
    if found and found[0]["metric"] != "toxicity" and chance.random() < (0.28 if good else 0.6):
        found[0]["details"] = remark(kind, found[0], good, chance)
    return found


def remark(kind: str, feedback: dict[str, Any], good: bool, chance: random.Random) -> str:
    value = feedback["value"]
    pleased = value if isinstance(value, bool) else value > 3
    if pleased != good or value == 3:
        return chance.choice(MIDDLING)
    return chance.choice((PRAISE if pleased else BLAME)[kind])


FEEDBACK_KEYS: list[dict[str, str]] = [
    {
        "key": "thumbs",
        "name": "Thumbs",
        "kind": "bool",
        "scoring_type": "higher_is_better",
        "description": "Did the answer help? Given by end users with one click.",
    },
    {
        "key": "quality",
        "name": "Quality",
        "kind": "scalar",
        "scoring_type": "higher_is_better",
        "description": "Graders' score from 1 (useless) to 5 (would send it unchanged).",
    },
    {
        "key": "preference",
        "name": "Preference",
        "kind": "bool",
        "scoring_type": "higher_is_better",
        "description": "Which of two answers to the same prompt is better.",
    },
    {
        "key": "toxicity",
        "name": "Toxicity",
        "kind": "scalar",
        "scoring_type": "lower_is_better",
        "description": "From 0 (harmless) to 1 (hostile), by an automatic check.",
    },
]
