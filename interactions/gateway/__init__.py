"""Calls of models that log themselves: sent on, read to their end, and stored, whatever happens to them.

asked       what a request asks, and how the model's server is asked for it
upstream    the connection to that server
sse         its streams: bytes to events
assembly    what it sent, folded into one result
adapting    what the callers' clients need, added to what passes through
stored      the result, as it is stored
outlet      bytes on their way to the caller
call        one call, from its beginning in the store to its end there
unheard     calls that nobody waits for
again       a request once more, of what is stored of it
routes      where calls go, remembered for a moment

All but `call`, `unheard`, `routes` and `upstream` are pure: they know no Django and no store.
"""

from interactions.gateway.asked import Asked, read
from interactions.gateway.call import Call, Reply, stop
from interactions.gateway.routes import route
from interactions.gateway.unheard import begin_unheard

__all__ = ["Asked", "Call", "Reply", "begin_unheard", "read", "route", "stop"]
