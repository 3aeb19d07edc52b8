"""`manage.py index_texts`: bring the index of words up to date now, as fast as the machine can."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from interactions.models import Project
from interactions.texts import bulk


class Command(BaseCommand):
    help = "Index all texts now, on all processors. A server does the same by itself, beside its requests."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", help="a project's key; without it, all projects")

    def handle(self, *args: Any, project: str | None = None, **options: Any) -> None:
        projects = Project.objects.filter(key=project) if project else Project.objects.all()
        if project and not projects:
            raise CommandError(f"There is no project “{project}”.")
        for one in projects.order_by("key"):
            self._index(one)

    def _index(self, project: Project) -> None:
        started, shown, first = time.monotonic(), 0.0, None
        for upto, latest in bulk.catch_up(project.pk):
            first = upto if first is None else first
            seconds = time.monotonic() - started
            if upto == latest or seconds - shown >= (1 if sys.stderr.isatty() else 30):
                shown, rate = seconds, (upto - first) / max(seconds, 0.001)
                self.stderr.write(f"{project.key}: {upto:,} of {latest:,}, {rate:,.0f} a second")
        connection.close()
        self.stdout.write(f"{project.key}: all texts are indexed.")
