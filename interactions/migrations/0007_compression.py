from django.db import migrations

from interactions import database


def compress(apps, editor):
    database.compress_quickly(editor, "interactions_transcript", "prompt_text", "completion_text", "document")


class Migration(migrations.Migration):
    dependencies = [("interactions", "0006_texts")]
    operations = [migrations.RunPython(compress, migrations.RunPython.noop)]
