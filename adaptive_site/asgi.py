"""The ASGI application: `granian --interface asgi adaptive_site.asgi:application`."""

from __future__ import annotations

import gc
import os
from importlib import import_module

import django
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adaptive_site.settings")
django.setup(set_prefix=False)
import_module(settings.ROOT_URLCONF)  # now, so that the first request does not wait for it

from interactions import gateway  # noqa: E402 - models can be imported only now
from interactions.bridge import background  # noqa: E402
from interactions.bridge.server import Application  # noqa: E402

application = Application(at_end=gateway.stop)

# What is loaded by now stays for good. A full collection would look through it all, and hold up whatever page is being
# made for some 80 ms; collections of what requests leave behind stay as they are, but come less often.
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 20, 20)

background.start()
