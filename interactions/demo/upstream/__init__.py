"""A tiny OpenAI-compatible server with deterministic answers, so that everything can be tried with no network.

`answers` is what it says, `forms` how the APIs write that, `faults` what can go wrong on demand, `server` the HTTP.
"""

from interactions.demo.upstream.faults import FAULTS
from interactions.demo.upstream.server import start

__all__ = ["FAULTS", "start"]
