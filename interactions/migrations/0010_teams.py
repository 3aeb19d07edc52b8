import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import interactions.database.fields


class Migration(migrations.Migration):
    dependencies = [
        ("interactions", "0009_long_texts"),
    ]

    operations = [
        migrations.CreateModel(
            name="ExternalModel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", interactions.database.fields.CompactUUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("key", models.CharField(max_length=200, unique=True)),
                ("name", models.CharField(max_length=200)),
                ("description", models.TextField(blank=True)),
                (
                    "provider",
                    models.CharField(
                        choices=[
                            ("OPEN_AI", "Open Ai"),
                            ("LEGACY_OPEN_AI", "Legacy Open Ai"),
                            ("GOOGLE", "Google"),
                            ("ANTHROPIC", "Anthropic"),
                        ],
                        max_length=20,
                    ),
                ),
                ("external_id", models.CharField(help_text="what the provider calls it", max_length=500)),
                ("base_url", models.CharField(blank=True, max_length=2000)),
                ("secret", models.BinaryField(default=b"")),
                ("parameters", models.JSONField(default=dict, help_text="sent with each request")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="Member",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ],
        ),
        migrations.CreateModel(
            name="Role",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", interactions.database.fields.CompactUUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("key", models.CharField(max_length=200, unique=True)),
                ("name", models.CharField(max_length=200)),
                (
                    "permissions",
                    models.JSONField(default=list, help_text="a list of identifiers, such as interaction:read"),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="Share",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("is_owner", models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name="Team",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", interactions.database.fields.CompactUUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("key", models.CharField(max_length=200, unique=True)),
                ("name", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="Upload",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", interactions.database.fields.CompactUUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("parts", models.IntegerField(help_text="how many there will be")),
                ("content_type", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField(auto_now_add=True, db_index=True)),
            ],
        ),
        migrations.AddField(
            model_name="apikey",
            name="expires_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="apikey",
            name="is_limited",
            field=models.BooleanField(default=True, help_text="reaches `projects` only, not all that its user reaches"),
        ),
        migrations.AddField(
            model_name="feedbackkey",
            name="unit",
            field=models.CharField(blank=True, max_length=100),
        ),
        migrations.AddField(
            model_name="model",
            name="is_attached",
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name="model",
            name="is_default",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="model",
            name="is_wanted_online",
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name="project",
            name="default_metric",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="interactions.feedbackkey",
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="is_program",
            field=models.BooleanField(default=False, help_text="a service account: it has keys and no password"),
        ),
        migrations.CreateModel(
            name="AbTest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", interactions.database.fields.CompactUUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("key", models.CharField(max_length=200)),
                ("name", models.CharField(max_length=200)),
                (
                    "scores",
                    models.CharField(
                        choices=[("DIRECT", "Direct"), ("COMPARISON", "Comparison")], default="DIRECT", max_length=10
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("WARMUP", "Warmup"),
                            ("IN_PROGRESS", "In Progress"),
                            ("DONE", "Done"),
                            ("CANCELLED", "Cancelled"),
                        ],
                        default="WARMUP",
                        max_length=20,
                    ),
                ),
                (
                    "traffic_split",
                    models.FloatField(help_text="the share of requests that take part, above 0 and up to 1"),
                ),
                ("auto_deploy", models.BooleanField(default=False)),
                (
                    "looked_at",
                    models.IntegerField(default=0, help_text="how often it was decided whether there is a winner"),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "metric",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="ab_tests",
                        to="interactions.feedbackkey",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="ab_tests", to="interactions.project"
                    ),
                ),
                (
                    "winner",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="interactions.model",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AbEntry",
            fields=[
                (
                    "interaction",
                    models.OneToOneField(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="ab_entry",
                        serialize=False,
                        to="interactions.interaction",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="interactions.project",
                    ),
                ),
                (
                    "test",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="entries", to="interactions.abtest"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AbArm",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="interactions.model"
                    ),
                ),
                (
                    "test",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="arms", to="interactions.abtest"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Dataset",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", interactions.database.fields.CompactUUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("key", models.CharField(max_length=200)),
                ("name", models.CharField(max_length=200)),
                (
                    "kind",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("PROMPT", "Prompt"),
                            ("PROMPT_COMPLETION", "Prompt Completion"),
                            ("PROMPT_COMPLETION_SCORE", "Prompt Completion Score"),
                            ("PREFERENCE", "Preference"),
                        ],
                        help_text="unknown until it was read",
                        max_length=30,
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("UPLOADED", "Uploaded"),
                            ("GENERATED", "Generated"),
                            ("GENERATING", "Generating"),
                            ("FILTERED", "Filtered"),
                        ],
                        default="UPLOADED",
                        max_length=20,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("PENDING", "Pending"), ("DONE", "Done"), ("ERROR", "Error")],
                        default="PENDING",
                        max_length=10,
                    ),
                ),
                ("progress", models.FloatField(default=0.0, help_text="from 0 to 1")),
                ("error", models.TextField(blank=True)),
                ("records", models.BigIntegerField(null=True)),
                ("size", models.BigIntegerField(default=0, help_text="bytes")),
                ("metrics", models.JSONField(default=dict)),
                ("worker", models.CharField(blank=True, max_length=32)),
                ("worked_until", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="datasets", to="interactions.project"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="model",
            name="external",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="uses",
                to="interactions.externalmodel",
            ),
        ),
        migrations.AddConstraint(
            model_name="model",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_default", True)), fields=("project",), name="model_one_default_per_project"
            ),
        ),
        migrations.AddField(
            model_name="member",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="memberships", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="member",
            name="role",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="interactions.role"
            ),
        ),
        migrations.AddField(
            model_name="share",
            name="project",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="shares", to="interactions.project"
            ),
        ),
        migrations.AddField(
            model_name="share",
            name="role",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="interactions.role"
            ),
        ),
        migrations.AddField(
            model_name="share",
            name="team",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="shares", to="interactions.team"
            ),
        ),
        migrations.AddField(
            model_name="member",
            name="team",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="memberships", to="interactions.team"
            ),
        ),
        migrations.AddField(
            model_name="externalmodel",
            name="team",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="external_models", to="interactions.team"
            ),
        ),
        migrations.AddField(
            model_name="upload",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="dataset",
            name="upload",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="interactions.upload"
            ),
        ),
        migrations.AddConstraint(
            model_name="abtest",
            constraint=models.UniqueConstraint(fields=("project", "key"), name="ab_test_key_unique"),
        ),
        migrations.AddConstraint(
            model_name="abarm",
            constraint=models.UniqueConstraint(fields=("test", "model"), name="ab_arm_unique"),
        ),
        migrations.AddConstraint(
            model_name="share",
            constraint=models.UniqueConstraint(fields=("project", "team"), name="share_once_per_team"),
        ),
        migrations.AddConstraint(
            model_name="member",
            constraint=models.UniqueConstraint(fields=("user", "team"), name="member_once_per_team"),
        ),
        migrations.AddIndex(
            model_name="dataset",
            index=models.Index(condition=models.Q(("state", "PENDING")), fields=["id"], name="dataset_pending"),
        ),
        migrations.AddConstraint(
            model_name="dataset",
            constraint=models.UniqueConstraint(fields=("project", "key"), name="dataset_key_unique"),
        ),
    ]
