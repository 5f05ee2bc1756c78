"""Tenants' own tools as WebAssembly modules."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

from webapp.common.tables import close_to_others

SQL = Path(__file__).parents[1] / "sql" / "0001_claim.sql"


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('tenants', '0005_answer_cache'),
    ]

    operations = [
        migrations.CreateModel(
            name='ToolModule',
            fields=[
                ('id', models.UUIDField(db_default=models.Func(function='uuidv7', output_field=models.UUIDField()), editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=60)),
                ('is_enabled', models.BooleanField(default=True)),
                ('active', models.IntegerField(default=0)),
                ('created_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()))),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='ModuleVersion',
            fields=[
                ('id', models.UUIDField(db_default=models.Func(function='uuidv7', output_field=models.UUIDField()), editable=False, primary_key=True, serialize=False)),
                ('number', models.IntegerField()),
                ('description', models.CharField(max_length=1000)),
                ('parameters', models.JSONField()),
                ('wasm', models.BinaryField()),
                ('sha256', models.CharField(max_length=64)),
                ('size_bytes', models.IntegerField()),
                ('state', models.CharField(choices=[('checking', 'Checking'), ('ready', 'Ready'), ('refused', 'Refused')], default='checking', max_length=10)),
                ('reason', models.CharField(blank=True, default='', max_length=600)),
                ('facts', models.JSONField(default=dict)),
                ('attempts', models.SmallIntegerField(default=0)),
                ('claimed_until', models.DateTimeField(null=True)),
                ('checked_at', models.DateTimeField(null=True)),
                ('created_by', models.EmailField(help_text='As it was then.', max_length=254)),
                ('created_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()))),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
                ('module', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='tool_modules.toolmodule')),
            ],
        ),
        migrations.AddConstraint(
            model_name='toolmodule',
            constraint=models.UniqueConstraint(fields=('tenant', 'name'), name='one_tool_module_per_name'),
        ),
        migrations.AddIndex(
            model_name='moduleversion',
            index=models.Index(condition=models.Q(('state', 'checking')), fields=['id'], name='module_version_unchecked'),
        ),
        migrations.AddConstraint(
            model_name='moduleversion',
            constraint=models.UniqueConstraint(fields=('module', 'number'), name='one_module_version_per_number'),
        ),
        close_to_others("tool_modules_toolmodule"),
        close_to_others("tool_modules_moduleversion"),
        migrations.RunSQL(SQL.read_text(), "DROP FUNCTION tool_modules_claim"),
    ]
