"""Which of the two databases it is, and what their drivers' errors mean."""

from __future__ import annotations

from typing import Any

from django.db import DataError, IntegrityError, InterfaceError, OperationalError

# What says "the store is away or busy", as opposed to "this row is wrong".
Unreachable = (OperationalError, InterfaceError)
# What says "not these rows": a race that another process won, or a value that no column takes.
Refused = (IntegrityError, DataError)


def is_sqlite(wrapper: Any) -> bool:
    return bool(wrapper.vendor == "sqlite")
