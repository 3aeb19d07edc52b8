from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from interactions import ids, images, removal
from interactions.models import Project, Removal


class Command(BaseCommand):
    help = (
        "Remove what is older than the projects' settings say, now; a server does so once a day by itself. "
        "Prints how much that is before it begins."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", action="append", default=[], help="only this one; may be repeated")
        parser.add_argument("--dry-run", action="store_true", help="only print the numbers")

    def handle(self, *args: Any, **options: Any) -> None:
        now = ids.now()
        projects = self._projects(options["project"])
        for project in projects:
            self.stdout.write(_announced(project, removal.overdue(project, now)))
        if options["dry_run"]:
            return
        images.settle()
        for project in projects:
            for wanted in removal.apply_retention(project, now):
                self._work_off(wanted)

    def _projects(self, keys: list[str]) -> list[Project]:
        found = {project.key: project for project in Project.objects.order_by("key")}
        for key in keys:
            if key not in found:
                raise CommandError(f"There is no project “{key}”. There are: {', '.join(found) or 'none'}.")
        return [found[key] for key in dict.fromkeys(keys)] or list(found.values())

    def _work_off(self, wanted: Removal) -> None:
        removal.work_off(wanted, lambda done: self._progress(wanted, done))
        self.stdout.write(f"{wanted.project.key}: {_done(wanted)}.")

    def _progress(self, wanted: Removal, done: int) -> None:
        if self.stdout.isatty():
            self.stdout.write(f"\r  {done:,} of {wanted.total:,}", ending="\n" if done >= wanted.total else "")
            self.stdout.flush()


def _announced(project: Project, overdue: removal.Overdue) -> str:
    told, one = [], "interaction"
    if project.keep_interactions is not None:
        what = _counted(overdue.interactions, one)
        told.append(f"{what} older than {_counted(project.keep_interactions, 'day')} to delete")
        one = "other"
    if project.keep_transcripts is not None:
        what = _counted(overdue.transcripts, one)
        told.append(f"texts and images of {what} older than {_counted(project.keep_transcripts, 'day')}")
    return f"{project.key}: {', '.join(told) or 'everything is kept'}."


def _done(wanted: Removal) -> str:
    what = _counted(wanted.total, "interaction")
    return f"deleted {what}" if wanted.what == Removal.What.INTERACTIONS else f"removed the texts and images of {what}"


def _counted(count: int, one: str) -> str:
    return f"{count:,} {one}{'' if count == 1 else 's'}"
