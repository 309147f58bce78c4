from django.db import migrations, models
from django.db.models import Max


def as_far_as_is_known(apps, schema_editor):
    """Until now the clock said what a dataset holds; simulated answers have times of their own, some to come."""
    dataset, response = (apps.get_model('studyapp', name) for name in ('Dataset', 'Response'))
    for row in dataset.objects.filter(state='ready'):
        held = response.objects.filter(session__study=row.study_id)
        if not row.includes_simulated:
            held = held.filter(answered_at__lte=row.ready_at)
        last = held.aggregate(last=Max('pk'))['last']
        dataset.objects.filter(pk=row.pk).update(answers_to=last)


class Migration(migrations.Migration):

    dependencies = [
        ('studyapp', '0014_short_names_and_names_kept'),
    ]

    operations = [
        migrations.AddField(
            model_name='dataset',
            name='answers_to',
            field=models.PositiveBigIntegerField(
                help_text='Key of the newest answer there was when it was ready.', null=True
            ),
        ),
        migrations.RunPython(as_far_as_is_known, migrations.RunPython.noop, elidable=True),
    ]
