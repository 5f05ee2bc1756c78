import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from webapp.common.tables import close_to_others


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('agent_sessions', '0001_initial'),
        ('tenants', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Task',
            fields=[
                ('id', models.UUIDField(db_default=models.Func(function='uuidv7', output_field=models.UUIDField()), editable=False, primary_key=True, serialize=False)),
                ('query', models.TextField()),
                ('mode', models.CharField(choices=[('simple', 'Simple'), ('standard', 'Standard'), ('complex', 'Complex'), ('supervisor', 'Supervisor')], max_length=12)),
                ('complexity', models.FloatField()),
                ('state', models.CharField(choices=[('running', 'Running'), ('completed', 'Completed'), ('failed', 'Failed'), ('cancelled', 'Cancelled'), ('timeout', 'Timeout')], default='running', max_length=12)),
                ('context', models.JSONField(default=dict)),
                ('attachments', models.JSONField(default=list)),
                ('principal', models.JSONField(default=dict)),
                ('envelopes', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, size=None)),
                ('seq', models.IntegerField(default=0)),
                ('steps', models.IntegerField(default=0)),
                ('open', models.IntegerField(default=0)),
                ('result', models.TextField(null=True)),
                ('artifacts', models.JSONField(default=list)),
                ('error', models.JSONField(null=True)),
                ('prompt_tokens', models.BigIntegerField(default=0)),
                ('completion_tokens', models.BigIntegerField(default=0)),
                ('cost_usd', models.DecimalField(decimal_places=10, default=0, max_digits=18)),
                ('cancel_reason', models.TextField(blank=True)),
                ('cancelled_by', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()))),
                ('updated_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()))),
                ('finished_at', models.DateTimeField(null=True)),
                ('session', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tasks', to='agent_sessions.session')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='Step',
            fields=[
                ('pk', models.CompositePrimaryKey('task_id', 'n', blank=True, editable=False, primary_key=True, serialize=False)),
                ('n', models.IntegerField()),
                ('kind', models.CharField(max_length=40)),
                ('queue', models.CharField(max_length=20)),
                ('agent', models.CharField(blank=True, max_length=60)),
                ('description', models.TextField(blank=True)),
                ('input', models.JSONField(default=dict)),
                ('parents', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), default=list, size=None)),
                ('waits', models.IntegerField()),
                ('join', models.CharField(choices=[('all', 'All'), ('settled', 'Settled')], default='all', max_length=10)),
                ('is_final', models.BooleanField(default=False)),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('ready', 'Ready'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], max_length=10)),
                ('fence', models.IntegerField(default=0)),
                ('retries', models.IntegerField(default=0)),
                ('hints', models.IntegerField(default=0)),
                ('worker', models.CharField(max_length=120, null=True)),
                ('due', models.DateTimeField(null=True)),
                ('output', models.JSONField(null=True)),
                ('error', models.JSONField(null=True)),
                ('created_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()))),
                ('started_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
                ('task', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='agent_tasks.task')),
            ],
        ),
        migrations.CreateModel(
            name='Content',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('sha256', models.CharField(max_length=64)),
                ('media_type', models.CharField(max_length=200)),
                ('data', models.BinaryField()),
                ('created_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()))),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant', 'sha256'), name='one_content_per_hash')],
            },
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(fields=['tenant', 'user', '-id'], name='agent_tasks_tenant__3de590_idx'),
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(fields=['session', 'id'], name='agent_tasks_session_72fc65_idx'),
        ),
        migrations.AddIndex(
            model_name='step',
            index=models.Index(condition=models.Q(('due__isnull', False)), fields=['due'], name='step_due'),
        ),
        close_to_others("agent_tasks_task"),
        close_to_others("agent_tasks_step"),
        close_to_others("agent_tasks_content"),
    ]
