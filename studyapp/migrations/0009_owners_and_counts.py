from django.db import migrations
from django.db.models import Count


def owners(apps, schema_editor):
    """Whoever made a study owns it."""
    Study, StudyMember = apps.get_model("studyapp", "Study"), apps.get_model("studyapp", "StudyMember")
    StudyMember.objects.bulk_create(
        StudyMember(study=study, user_id=study.created_by_id, role="owner", sees_names=True)
        for study in Study.objects.exclude(created_by=None)
    )


def counts(apps, schema_editor):
    StudySession, Response = apps.get_model("studyapp", "StudySession"), apps.get_model("studyapp", "Response")
    counted = Response.objects.order_by().values("session").annotate(number=Count("pk"))
    for line in counted.iterator(2000):
        StudySession.objects.filter(pk=line["session"]).update(answer_count=line["number"])


class Migration(migrations.Migration):
    dependencies = [("studyapp", "0008_researchers_desk")]
    operations = [
        migrations.RunPython(owners, migrations.RunPython.noop),
        migrations.RunPython(counts, migrations.RunPython.noop),
    ]
