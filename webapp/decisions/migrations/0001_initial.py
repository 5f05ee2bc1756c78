import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

from webapp.common.tables import close_to_others


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('agent_tasks', '0001_initial'),
        ('tenants', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='PolicyDecision',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('step', models.IntegerField()),
                ('fence', models.IntegerField()),
                ('point', models.CharField(max_length=20)),
                ('subject', models.CharField(max_length=120)),
                ('effect', models.CharField(choices=[('allow', 'Allow'), ('deny', 'Deny'), ('needs_approval', 'Needs Approval')], max_length=15)),
                ('rule', models.CharField(max_length=120)),
                ('reasons', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None)),
                ('revision', models.CharField(max_length=64)),
                ('input_sha256', models.CharField(max_length=64)),
                ('input', models.JSONField()),
                ('created_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()))),
                ('task', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='agent_tasks.task')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'indexes': [models.Index(fields=['task', 'step'], name='decisions_p_task_id_f091b0_idx'), models.Index(fields=['tenant', 'created_at'], name='decisions_p_tenant__5e2017_idx')],
            },
        ),
        close_to_others("decisions_policydecision"),
    ]
