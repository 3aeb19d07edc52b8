"""Projects: with whom they are shared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.db import transaction

from interactions.access import Caller, Permission
from interactions.models import Project, Role, Share, Team


class Sharing(NamedTuple):
    """A team that a project is shared with: as far as the role allows at most, or as its owner."""

    team: Team
    role: Role
    is_owner: bool = False


def set_shares(caller: Caller, project: Project, shares: Iterable[Sharing]) -> None:
    """Share the project with these teams, and with no others."""
    caller.project_id(project.key, Permission.SHARE)
    wanted = {share.team.pk: share for share in shares}
    with transaction.atomic():
        Share.objects.filter(project=project).exclude(team__in=wanted).delete()
        for team_id, share in wanted.items():
            Share.objects.update_or_create(
                project=project, team_id=team_id, defaults={"role": share.role, "is_owner": share.is_owner}
            )
