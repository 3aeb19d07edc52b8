from django.db import migrations

# What the roles were in a project, as a role in the team that now owns it.
ROLES = {"viewer": "read-only", "annotator": "annotator", "member": "power_user"}
NAMES = {"read-only": "Read-only", "annotator": "Annotator", "power_user": "Power user"}


def join_teams(apps, editor):
    """Each project's people become a team that owns it. What the roles allow is filled in after migrating."""
    old, project_model, team, role, share, member = (
        apps.get_model("interactions", name) for name in ("Membership", "Project", "Team", "Role", "Share", "Member")
    )
    roles = {key: role.objects.get_or_create(key=key, defaults={"name": name})[0] for key, name in NAMES.items()}
    for project in project_model.objects.filter(pk__in=old.objects.values("project")).order_by("pk"):
        # The team “admin” administers the server, which the people of a project called so do not.
        key = "admin-2" if project.key == "admin" else project.key
        own, _ = team.objects.get_or_create(key=key, defaults={"name": project.name})
        share.objects.get_or_create(project=project, team=own, defaults={"role": roles["power_user"], "is_owner": True})
        for one in old.objects.filter(project=project):
            member.objects.get_or_create(
                user_id=one.user_id, team=own, defaults={"role": roles[ROLES.get(one.role, "read-only")]}
            )


class Migration(migrations.Migration):
    dependencies = [("interactions", "0010_teams")]
    operations = [
        migrations.RunPython(join_teams, migrations.RunPython.noop),
        migrations.DeleteModel("Membership"),
    ]
