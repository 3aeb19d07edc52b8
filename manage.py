#!/usr/bin/env python3
"""Django's command line; `manage.py serve` first makes sure that the server has a secret to sign with."""

from __future__ import annotations

import os
import sys

from adaptive_site.environment import keep_secret


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adaptive_site.settings")
    if sys.argv[1:2] == ["serve"]:
        keep_secret()
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"The settings are not right: {error}")


if __name__ == "__main__":
    main()
