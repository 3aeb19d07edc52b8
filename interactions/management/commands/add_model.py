from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from interactions import access, external_models
from interactions.errors import RequestError
from interactions.models import ExternalModel, Project

SECRET = "MODEL_SECRET"  # noqa: S105 - where it is, not what


class Command(BaseCommand):
    help = f"Let a project use a model that is served elsewhere. Its secret is read from {SECRET}, or typed in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, help="the project's key")
        parser.add_argument("--name", required=True, help="what people call it; its key is made of this")
        parser.add_argument("--external-id", required=True, help="what the provider calls it")
        parser.add_argument("--base-url", default="", help="such as https://models.example.org/v1; else the provider's")
        parser.add_argument("--provider", default=ExternalModel.Provider.OPEN_AI, choices=ExternalModel.Provider.values)
        for price, of in (("input", "input"), ("cached-input", "input that it had cached"), ("output", "output")):
            parser.add_argument(f"--{price}-price", help=f"dollars for a million tokens of {of}, such as 0.25")
        parser.add_argument(
            "--silence-seconds", help=f"how long it may say nothing; else {external_models.SILENCE_SECONDS}"
        )
        parser.add_argument(
            "--total-seconds", help=f"how long a call may take in all; else {external_models.TOTAL_SECONDS:,}"
        )
        parser.add_argument("--default", action="store_true", help="answers the project's requests that name no model")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(key=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project “{options['project']}”. Create it with: manage.py create_project")
        caller = access.operator()
        secret = _secret()
        try:
            with transaction.atomic():
                external = external_models.add(
                    caller,
                    options["name"],
                    options["provider"],
                    options["external_id"],
                    secret,
                    options["base_url"],
                    team=external_models.team_for(caller, project),
                    **external_models.typed_terms(options),
                )
                external_models.attach(caller, project, external)
                if options["default"]:
                    external_models.update(caller, project, external.key, is_default=True)
        except RequestError as error:
            option = (error.field or "").replace("_", "-")
            raise CommandError(f"--{option}: {error.message}" if error.field in options else error.message) from None
        self.stdout.write(f"The project “{project.key}” can use the model “{external.key}”.")


def _secret() -> str:
    """Not from an argument: those can be read by everyone on the machine."""
    if SECRET in os.environ:
        return os.environ[SECRET]
    return getpass("Secret: ") if sys.stdin.isatty() else sys.stdin.readline().strip()
