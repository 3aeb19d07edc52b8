import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("interactions", "0004_index")]

    operations = [
        migrations.AddField(
            model_name="interaction",
            name="texts_removed_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="project",
            name="retention_applied_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.CreateModel(
            name="Removal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "what",
                    models.CharField(
                        choices=[("interactions", "Interactions"), ("transcripts", "Transcripts")], max_length=12
                    ),
                ),
                ("numbers", models.BinaryField(help_text="a serialized roaring bitmap; empty when finished")),
                ("reached", models.BigIntegerField(default=0, help_text="all up to this one are gone")),
                ("total", models.IntegerField()),
                ("done", models.IntegerField(default=0)),
                ("described", models.TextField(help_text="a phrase that reads on after “interactions where”")),
                ("worker", models.CharField(blank=True, max_length=32)),
                ("worked_until", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="removals", to="interactions.project"
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("finished_at", None)), fields=["id"], name="removal_unfinished")
                ],
            },
        ),
    ]
