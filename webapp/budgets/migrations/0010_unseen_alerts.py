"""An index for how many alerts wait to be seen."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('budgets', '0009_units'),
        ('tenants', '0004_policy_revision'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='alert',
            index=models.Index(condition=models.Q(('seen_at', None)), fields=['tenant'], name='alert_unseen'),
        ),
    ]
