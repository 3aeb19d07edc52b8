"""`manage.py serve`: bring the store up to date, then become the ASGI server."""

from __future__ import annotations

import os
import secrets
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from adaptive_site import environment as env
from interactions import access
from interactions.models import Project, User

DEMO_EMAIL = "demo@example.org"
DEMO_PROJECT = "demo"

# After what is under way was given its time to end, it takes some more to store how far it came.
_SECONDS_TO_STORE = 8


class Command(BaseCommand):
    help = "Migrate the store and serve it on HOST:PORT. With --demo, a first start also fills it with demo data."
    requires_system_checks = ()  # the checks import every route; the server will do so anyway

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--demo", action="store_true", help="make a user, a project, a key and demo data first")

    def handle(self, *args: Any, **options: Any) -> None:
        self._migrate()
        host, port = env.text("HOST", "127.0.0.1"), env.integer("PORT", 8000, least=1, most=65535)
        url = f"http://{host}:{port}"
        login = self._demo() if options["demo"] else ""
        self.stdout.write(f"\n  {self.style.SUCCESS('Interactions')}  {url}\n{login}\n  Ctrl-C ends it.\n\n")
        self.stdout.flush()
        self._become_server(host, port)

    def _migrate(self) -> None:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            self.stdout.write("Preparing the store …")
            call_command("migrate", interactive=False, verbosity=0)

    def _demo(self) -> str:
        note = settings.DATA_DIR / "demo-login.txt"
        if not Project.objects.filter(key=DEMO_PROJECT).exists():
            self._first_start(note)
        return note.read_text() if note.is_file() else ""

    def _first_start(self, note: Path) -> None:
        password = secrets.token_urlsafe(9)
        user = User.objects.filter(email=DEMO_EMAIL).first() or User.objects.create_superuser(DEMO_EMAIL)
        user.set_password(password)
        user.save()
        call_command("load_demo", project=DEMO_PROJECT, stdout=self.stdout)
        issued = access.issue_key(user, [Project.objects.get(key=DEMO_PROJECT)], "demo")
        note.touch(mode=0o600)
        note.write_text(f"  login    {DEMO_EMAIL}\n  password {password}\n  API key  {issued.secret}\n")

    def _become_server(self, host: str, port: int) -> None:
        connection.close()
        # On a loopback address there is no TLS to insist on.
        os.environ.setdefault("HTTPS", "0" if host in ("127.0.0.1", "localhost", "::1") else "1")
        command = [
            *(sys.executable, "-m", "granian", "--interface", "asgi", "--http", "1", "--no-ws"),
            *("--host", host, "--port", str(port), "--workers", str(env.integer("WORKERS", 1, least=1, most=256))),
            # A worker that the system kills, for memory say, is replaced; one that dies at once again ends the server.
            *("--loop", "asyncio", "--respawn-failed-workers", "--log-level", "warning", "--no-access-log"),
            # Told to end, it ends, also where somebody never reads their answer.
            *("--workers-kill-timeout", str(settings.STOP_SECONDS + _SECONDS_TO_STORE)),
            "adaptive_site.asgi:application",
        ]
        os.chdir(settings.BASE_DIR)
        os.execv(sys.executable, command)  # noqa: S606 - no shell is wanted
