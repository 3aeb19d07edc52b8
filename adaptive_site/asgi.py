"""The ASGI application: `granian --interface asgi adaptive_site.asgi:application`."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adaptive_site.settings")

from interactions.bridge import BoundedBodies  # noqa: E402 - needs the settings' name

application = BoundedBodies(get_asgi_application())
