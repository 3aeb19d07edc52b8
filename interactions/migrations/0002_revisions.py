import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("interactions", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Revision",
            fields=[
                (
                    "project",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="interactions.project",
                    ),
                ),
                ("latest", models.BigIntegerField()),
                (
                    "forgotten",
                    models.BigIntegerField(default=0, help_text="changes up to this revision are kept no longer"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Change",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="interactions.project",
                    ),
                ),
                ("revision", models.BigIntegerField()),
                ("numbers", models.BinaryField(help_text="a serialized roaring bitmap")),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("project", "revision"), name="change_once_per_revision")
                ]
            },
        ),
        migrations.CreateModel(
            name="Segment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="interactions.project",
                    ),
                ),
                ("block", models.IntegerField()),
                ("revision", models.BigIntegerField()),
                ("content", models.BinaryField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("project", "block"), name="segment_once_per_block")]
            },
        ),
        migrations.AddField("interaction", "number", models.BigIntegerField(db_default=0, editable=False)),
        migrations.AddField(
            "project",
            "keep_transcripts",
            models.PositiveIntegerField(blank=True, help_text="days that texts and images stay", null=True),
        ),
        migrations.AddField(
            "project",
            "keep_interactions",
            models.PositiveIntegerField(blank=True, help_text="days that interactions stay", null=True),
        ),
    ]
