"""What goes wrong, and how often."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from datetime import datetime

from interactions.demo.rhythm import Incident

EVERYDAY = 0.024
IN_THE_INCIDENT = 0.62
MESSAGES = {
    "timeout": ("No token within 30 s; the request was abandoned.", "The upstream did not answer within 60 seconds."),
    "rate_limit": ("Rate limit reached for this model: 600 requests per minute. Retry after 12 s.",),
    "upstream": (
        "502 Bad Gateway from the model server.",
        "The model server closed the connection before the first token.",
        "503: no healthy replica for this model.",
    ),
    "content_filter": ("The response was withheld by the content filter (category: personal data).",),
}


@dataclass(frozen=True, slots=True)
class Trouble:
    kind: str
    message: str

    def wire(self) -> dict[str, str]:
        return asdict(self)


def strike(moment: datetime, incident: Incident, chance: random.Random) -> Trouble | None:
    struck = incident.covers(moment)
    if chance.random() > (IN_THE_INCIDENT if struck else EVERYDAY):
        return None
    odds = (30, 5, 65, 0) if struck else (40, 28, 18, 14)
    kind = chance.choices(list(MESSAGES), odds)[0]
    return Trouble(kind, chance.choice(MESSAGES[kind]))
