from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from itertools import islice
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from interactions import access, demo, ids, ingest, payloads, people
from interactions.access import Caller
from interactions.models import FeedbackKey, Interaction, Project, User

REVIEWERS = {"ana@example.org": "Ana Ruiz", "jonas@example.org": "Jonas Weber", "mei@example.org": "Mei Tanaka"}
CHUNK = 200


class Command(BaseCommand):
    help = "Fill a project with demo interactions: support chats, code help, summaries, questions about pictures."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", default="demo", help="made if there is none; must be empty")
        parser.add_argument("--count", type=int, default=2_400)

    def handle(self, *args: Any, **options: Any) -> None:
        project = self._project(options["project"])
        story = demo.tell(ids.now(), count=options["count"])
        caller = access.operator(project)
        reviewers = [self._reviewer(email, name, project).uid for email, name in REVIEWERS.items()]
        known: list[UUID] = []
        for chunk in _chunks(story.interactions):
            known += self._record(chunk, project, caller, reviewers)
            self._progress(len(known), len(story.interactions))
        self._compare(story.preferences, known, project, caller)
        self.stdout.write(f"Loaded {len(known):,} interactions into the project “{project.key}”.")

    def _project(self, key: str) -> Project:
        project, _ = Project.objects.get_or_create(key=key, defaults={"name": key.title()})
        if Interaction.objects.for_project(project).exists():
            raise CommandError(f"The project “{key}” has interactions already. Name another with --project.")
        for described in demo.FEEDBACK_KEYS:
            fields = {"scoring" if name == "scoring_type" else name: value for name, value in described.items()}
            FeedbackKey.objects.get_or_create(project=project, key=fields.pop("key"), defaults=fields)
        return project

    def _reviewer(self, email: str, name: str, project: Project) -> User:
        user = User.objects.filter(email=email).first() or User.objects.create_user(email, name=name)
        people.belong(user, project, "annotator")
        return user

    def _record(
        self, chunk: Sequence[dict[str, Any]], project: Project, caller: Caller, reviewers: list[UUID]
    ) -> list[UUID]:
        prepared = [self._prepare(document, project, reviewers, n) for n, document in enumerate(chunk)]
        ingest.store_images(prepared)
        ingest.perform(caller, *(ingest.Record(one) for one in prepared))
        return [one.id for one in prepared]

    def _prepare(
        self, document: dict[str, Any], project: Project, reviewers: list[UUID], ordinal: int
    ) -> ingest.Prepared:
        payload = payloads.read(payloads.Interaction, {**document, "project": project.key})
        for feedback in payload.feedbacks:
            # Thumbs come from the people who asked; grades with a remark come from reviewers.
            if feedback.user is None:
                graded = feedback.metric != "thumbs"
                feedback.user = reviewers[ordinal % len(reviewers)] if graded else payload.user
            feedback.created_at = feedback.created_at or payload.created_at
        return ingest.prepare(payload, project.pk, None, ordinal)

    def _compare(
        self, preferences: Sequence[demo.Preference], known: list[UUID], project: Project, caller: Caller
    ) -> None:
        acts = [
            ingest.Compare(
                payloads.Comparison(
                    project=project.key,
                    metric=preference.metric,
                    preferred_completion=known[preference.preferred],
                    other_completion=known[preference.other],
                    tied=preference.tied or None,
                )
            )
            for preference in preferences
        ]
        ingest.perform(caller, *acts)

    def _progress(self, done: int, total: int) -> None:
        if self.stdout.isatty():
            self.stdout.write(f"\r  {done:,} of {total:,}", ending="\n" if done == total else "")
            self.stdout.flush()


def _chunks(interactions: Sequence[dict[str, Any]]) -> Any:
    remaining = iter(interactions)
    while chunk := list(islice(remaining, CHUNK)):
        yield chunk
