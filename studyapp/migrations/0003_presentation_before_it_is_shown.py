from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("studyapp", "0002_study_design_summary"),
    ]

    operations = [
        migrations.AlterField(
            model_name="presentation",
            name="shown_at",
            field=models.DateTimeField(help_text="Empty while only preloaded.", null=True),
        ),
    ]
