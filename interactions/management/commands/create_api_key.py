from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from interactions import access, people
from interactions.access import Limits
from interactions.errors import Invalid
from interactions.models import ApiKey, Project, User


class Command(BaseCommand):
    help = "Create an API key and print it, and nothing else. It is shown this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True, help="whose key it is; an account is made if there is none")
        reach = parser.add_mutually_exclusive_group(required=True)
        reach.add_argument("--project", action="append", help="a project's key; may be repeated. It reaches only these")
        reach.add_argument("--all", action="store_true", help="it reaches all that its user may do")
        reach.add_argument("--admin", action="store_true", help="the same, and its user becomes an administrator")
        parser.add_argument("--name", default="", help="what the key is for")
        parser.add_argument("--requests-per-minute", help="how many requests to models it may make; else any number")
        parser.add_argument("--budget", help="how many dollars it may use of models in each period; else any amount")
        parser.add_argument(
            "--budget-period",
            choices=ApiKey.BudgetPeriod.values,
            default=ApiKey.BudgetPeriod.MONTH,
            help="the period of its budget, of UTC; else %(default)s",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            email = people.email_address(options["email"])
        except Invalid as error:
            raise CommandError(error.message) from None
        projects = [self._project(key) for key in options["project"] or ()]
        with transaction.atomic():
            user = User.objects.filter(email=email).first() or User.objects.create_user(email)
            for project in projects:
                people.belong(user, project)
            if options["admin"]:
                people.make_administrator(user)
            reached = projects if options["project"] else None
            try:
                issued = access.issue_key(user, reached, options["name"], limits=Limits.typed(options))
            except Invalid as error:
                raise CommandError(f"--{(error.field or '').replace('_', '-')}: {error.message}") from None
        self.stdout.write(issued.secret)

    def _project(self, key: str) -> Project:
        project = Project.objects.filter(key=key).first()
        if project is None:
            raise CommandError(f"There is no project “{key}”. Create it with: manage.py create_project {key}")
        return project
