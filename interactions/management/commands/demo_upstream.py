from __future__ import annotations

import asyncio
import contextlib
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from interactions.demo import upstream
from interactions.demo.upstream.answers import MODELS

_USE = """
  Demo models  {url}/v1      Any key will do. Ctrl-C ends it.

  In another terminal, let a project use one:

    MODEL_SECRET=none .venv/bin/python manage.py add_model --project demo --name Demo \\
      --external-id demo --base-url {url}/v1 --default

  Models: {models}
  They repeat what you say, tell size and colour of pictures, call the tools they are given, and fail on demand:
  put “[slow: 50ms]” or “[fault: 429]” into a message, or into a header X-Demo; “[fault: 429 once]” goes well again.

    4xx, 5xx      that status
{faults}

  GET {url}/ledger tells what was answered.
"""


class Command(BaseCommand):
    help = "Serve OpenAI-compatible demo models on 127.0.0.1, so that everything can be tried with no network."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8400, help="0 takes one that is free")

    def handle(self, *args: Any, **options: Any) -> None:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(self._serve(options["port"]))

    async def _serve(self, port: int) -> None:
        try:
            server = await upstream.start(port)
        except OSError as error:
            raise CommandError(
                f"The port {port} cannot be used: {error.strerror}. Choose another with --port."
            ) from None
        host, port = server.sockets[0].getsockname()
        faults = "\n".join(f"    {name:<12}  {what}" for name, what in upstream.FAULTS.items())
        self.stdout.write(_USE.format(url=f"http://{host}:{port}", models=", ".join(MODELS), faults=faults))
        self.stdout.flush()
        await server.serve_forever()
