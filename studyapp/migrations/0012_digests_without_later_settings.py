import hashlib
import json

from django.db import migrations

DEFAULTS = {"guidance": "auto", "steps": 30, "model": "riffusion/riffusion-model-v1", "download": "no"}


def without_revision(apps, schema_editor):
    """Rows made while ``revision`` counted at its default, too, get the digest that they had before and have now."""
    for system in apps.get_model("studyapp", "System").objects.filter(key="riffusion"):
        told = {**DEFAULTS, **system.settings}
        if told.get("revision") == "main":
            del told["revision"]
        canonical = json.dumps(["riffusion", system.preset, told], sort_keys=True)
        system.digest = hashlib.sha256(canonical.encode()).hexdigest()
        system.save(update_fields=["digest"])


class Migration(migrations.Migration):

    dependencies = [
        ('studyapp', '0011_bounds_of_loudness_and_return_address'),
    ]

    operations = [
        migrations.RunPython(without_revision, migrations.RunPython.noop),
    ]
