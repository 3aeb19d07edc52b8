from django.db import migrations

from interactions import database


class Migration(migrations.Migration):
    """The columns are as they were, and so is what is in them; only what is written from now on is compressed."""

    dependencies = [("interactions", "0008_implied_references")]
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField("transcript", name, database.LongTextField())
                for name in ("prompt_text", "completion_text", "document")
            ]
        )
    ]
