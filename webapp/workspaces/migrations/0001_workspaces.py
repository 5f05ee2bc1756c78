"""Files of sessions."""

from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from webapp.common.tables import close_to_others

SQL = Path(__file__).parents[1] / "sql" / "0001_sweep.sql"


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('agent_sessions', '0003_conversations'),
        ('agent_tasks', '0013_quote'),
        ('tenants', '0005_answer_cache'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Blob',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('sha256', models.CharField(max_length=64)),
                ('size_bytes', models.BigIntegerField()),
                ('stored', models.BooleanField(default=False)),
                ('check_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()), null=True)),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='Workspace',
            fields=[
                ('session', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='agent_sessions.session')),
                ('files', models.IntegerField(default=0)),
                ('size_bytes', models.BigIntegerField(default=0)),
                ('used_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()))),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='SavedRun',
            fields=[
                ('pk', models.CompositePrimaryKey('task', 'step', blank=True, editable=False, primary_key=True, serialize=False)),
                ('task', models.UUIDField()),
                ('step', models.IntegerField()),
                ('result', models.JSONField()),
                ('created_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()))),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workspaces.workspace')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='File',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('path', models.CharField(db_collation='C', max_length=1024)),
                ('size_bytes', models.BigIntegerField()),
                ('media_type', models.CharField(max_length=120)),
                ('task', models.UUIDField(null=True)),
                ('step', models.IntegerField(null=True)),
                ('updated_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()))),
                ('blob', models.ForeignKey(on_delete=django.db.models.deletion.RESTRICT, related_name='+', to='workspaces.blob')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
                ('user', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workspaces.workspace')),
            ],
        ),
        migrations.AddIndex(
            model_name='blob',
            index=models.Index(fields=['tenant', 'sha256'], name='blob_by_hash'),
        ),
        migrations.AddIndex(
            model_name='blob',
            index=models.Index(condition=models.Q(('check_at__isnull', False)), fields=['check_at'], name='blob_to_check'),
        ),
        migrations.AddConstraint(
            model_name='file',
            constraint=models.UniqueConstraint(fields=('workspace', 'path'), name='one_file_per_path'),
        ),
        *(close_to_others(f"workspaces_{name}") for name in ("workspace", "blob", "file", "savedrun")),
        migrations.RunSQL(
            SQL.read_text(), "DROP FUNCTION workspaces_let_go CASCADE; DROP FUNCTION workspaces_forget, workspaces_loose_blobs"
        ),
    ]
