import django.db.models.deletion
from django.db import migrations, models

from interactions import database

# What an interaction or a label refers to itself, whoever refers to these need not have checked once more.
IMPLIED = {
    "feedback": {"project": "project"},
    "imageuse": {"project": "project"},
    "labelling": {"project": "project", "key": "labelkey"},
    "transcript": {"project": "project"},
}


def drop(apps, editor):
    for table, fields in IMPLIED.items():
        database.drop_references(editor, f"interactions_{table}", *(f"{name}_id" for name in fields))


def _implied(model, name, target):
    field = models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.CASCADE,
        related_name="+",
        to=f"interactions.{target}",
    )
    return migrations.AlterField(model, name, field)


class Migration(migrations.Migration):
    dependencies = [("interactions", "0007_compression")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(drop, migrations.RunPython.noop)],
            state_operations=[
                _implied(model, name, target) for model, fields in IMPLIED.items() for name, target in fields.items()
            ],
        )
    ]
