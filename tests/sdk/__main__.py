"""`python -m tests.sdk` writes docs/sdk.md anew."""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adaptive_site.settings")
os.environ.setdefault("SECRET_KEY", "of no use")
django.setup()

from tests.sdk import table  # noqa: E402 - the settings come first

table.PAGE.write_text(table.page())
