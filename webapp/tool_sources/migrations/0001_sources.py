"""MCP servers and OpenAPI documents that tenants register."""

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
            name='ToolSource',
            fields=[
                ('id', models.UUIDField(db_default=models.Func(function='uuidv7', output_field=models.UUIDField()), editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('mcp', 'MCP server'), ('openapi', 'OpenAPI document')], max_length=10)),
                ('name', models.CharField(max_length=30)),
                ('address', models.CharField(blank=True, default='', max_length=2000)),
                ('settings', models.JSONField(default=dict)),
                ('sealed', models.BinaryField(null=True)),
                ('is_enabled', models.BooleanField(default=True)),
                ('state', models.CharField(choices=[('checking', 'Checking'), ('ready', 'Ready'), ('failed', 'Failed')], default='checking', max_length=10)),
                ('reason', models.CharField(blank=True, default='', max_length=600)),
                ('tools', models.JSONField(default=list)),
                ('revision', models.IntegerField(default=0)),
                ('attempts', models.SmallIntegerField(default=0)),
                ('look_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()), null=True)),
                ('claimed_until', models.DateTimeField(null=True)),
                ('checked_at', models.DateTimeField(null=True)),
                ('created_by', models.EmailField(help_text='As it was then.', max_length=254)),
                ('created_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()))),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('look_at__isnull', False)), fields=['look_at'], name='tool_source_due')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'name'), name='one_tool_source_per_name')],
            },
        ),
        close_to_others("tool_sources_toolsource"),
        migrations.RunSQL(SQL.read_text(), "DROP FUNCTION tool_sources_claim"),
    ]
