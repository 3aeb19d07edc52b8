"""Number what was recorded before there were numbers: by project, oldest first, some at a time. Can be run again."""

from django.db import migrations, models

AT_ONCE = 10_000
_NUMBER = """
    UPDATE interactions_interaction SET number = %s + chunk.place
    FROM (
        SELECT id, row_number() OVER (ORDER BY id) AS place FROM interactions_interaction
        WHERE project_id = %s AND number = 0 AND id BETWEEN %s AND %s
    ) AS chunk
    WHERE interactions_interaction.id = chunk.id
"""


def number(apps, schema_editor):
    Project, Revision = (apps.get_model("interactions", name) for name in ("Project", "Revision"))
    for project_id in Project.objects.values_list("id", flat=True):
        last = _number(apps.get_model("interactions", "Interaction"), project_id, schema_editor.connection)
        if last:
            Revision.objects.update_or_create(project_id=project_id, defaults={"latest": last})


def _number(Interaction, project_id, connection):
    rows = Interaction.objects.filter(project_id=project_id)
    last = rows.aggregate(models.Max("number"))["number__max"] or 0
    id_field, rest = Interaction._meta.get_field("id"), rows.filter(number=0).order_by("id")
    while chunk := list(rest.values_list("id", flat=True)[:AT_ONCE]):
        bounds = [id_field.get_db_prep_value(id, connection) for id in (chunk[0], chunk[-1])]
        with connection.cursor() as cursor:
            cursor.execute(_NUMBER, [last, project_id, *bounds])
        last += len(chunk)
        rest = rest.filter(id__gt=chunk[-1])
    return last


class Migration(migrations.Migration):
    atomic = False  # each chunk is a transaction of its own
    dependencies = [("interactions", "0002_revisions")]
    operations = [migrations.RunPython(number, migrations.RunPython.noop)]
