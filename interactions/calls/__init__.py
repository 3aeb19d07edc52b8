"""What the store has to do with calls of models: where they go, what they may use, and that none is ever lost.

routing      the model that a request names, and the address behind it
model_names  how a request names it. Pure
limits       what a key may use, counted in the store
pricing      what a call costs. Pure
spool        what could not be written now, on the disk
processes    which of them live
recovery     writes what is in the spool, and ends the calls of processes that have ended
"""

from interactions.calls.limits import period, take
from interactions.calls.processes import own as own_process
from interactions.calls.recovery import begin_later, carry_on, end_later, prepared, store_images
from interactions.calls.routing import Route, Routes, Upstream, arm_of, listed, model_of, project_of, routes

__all__ = [
    "Route",
    "Routes",
    "Upstream",
    "arm_of",
    "begin_later",
    "carry_on",
    "end_later",
    "listed",
    "model_of",
    "own_process",
    "period",
    "prepared",
    "project_of",
    "routes",
    "store_images",
    "take",
]
