"""The ASGI application: `granian --interface asgi adaptive_site.asgi:application`."""

from __future__ import annotations

import os
from importlib import import_module

import django
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adaptive_site.settings")
django.setup(set_prefix=False)
import_module(settings.ROOT_URLCONF)  # now, so that the first request does not wait for it

from interactions.bridge.server import Application  # noqa: E402 - models can be imported only now

application = Application()
