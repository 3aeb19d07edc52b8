from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from interactions import naming
from interactions.errors import Invalid
from interactions.models import Project


class Command(BaseCommand):
    help = "Create a project."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key", help="what the SDK and the URLs call it: letters, digits, - _ .")
        parser.add_argument("--name", default="", help="what people call it; the key if not given")

    def handle(self, *args: Any, **options: Any) -> None:
        key = options["key"]
        try:
            naming.key(key)
        except Invalid as error:
            raise CommandError(error.message) from None
        project, created = Project.objects.get_or_create(key=key, defaults={"name": options["name"] or key})
        if not created:
            raise CommandError(f"There is a project “{key}” already.")
        self.stdout.write(f"Created the project “{project.key}”.")
