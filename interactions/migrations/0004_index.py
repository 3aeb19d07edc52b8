from django.db import migrations, models

_GONE = (
    "newest", "by_model", "by_session", "by_user", "by_prompt", "with_image", "by_source", "not_done",
)  # fmt: skip
_NEW = {
    "newest_first": ["project", "id", "number"],
    "of_session": ["project", "session_id", "number"],
    "of_user": ["project", "user_uid", "number"],
    "of_prompt": ["project", "prompt_hash", "number"],
}


class Migration(migrations.Migration):
    dependencies = [("interactions", "0003_number_interactions")]

    operations = [
        *(migrations.RemoveIndex("interaction", f"interaction_{name}") for name in _GONE),
        *(
            migrations.AddIndex("interaction", models.Index(fields=fields, name=f"interaction_{name}"))
            for name, fields in _NEW.items()
        ),
        migrations.AddConstraint(
            "interaction",
            models.UniqueConstraint(models.F("project"), models.F("number"), name="interaction_number_unique"),
        ),
    ]
