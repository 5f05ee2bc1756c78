"""What files were before steps changed them."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

from webapp.common.tables import close_to_others

SQL = Path(__file__).parents[1] / "sql"
FORGET = "FUNCTION workspaces_forget"


def forget_as_before() -> str:
    body = (SQL / "0001_sweep.sql").read_text().partition(FORGET)[2].partition("$$;")[0]
    return f"CREATE OR REPLACE {FORGET}{body}$$;"


class Migration(migrations.Migration):

    dependencies = [
        ('tenants', '0005_answer_cache'),
        ('workspaces', '0001_workspaces'),
    ]

    operations = [
        migrations.CreateModel(
            name='Former',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('task', models.UUIDField()),
                ('step', models.IntegerField()),
                ('path', models.CharField(db_collation='C', max_length=1024)),
                ('size_bytes', models.BigIntegerField(default=0)),
                ('left_sha256', models.CharField(max_length=64, null=True)),
                ('blob', models.ForeignKey(null=True, on_delete=django.db.models.deletion.RESTRICT, related_name='+', to='workspaces.blob')),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='workspaces.workspace')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace', 'path'], name='former_by_path'), models.Index(fields=['task', 'step'], name='former_by_step')],
            },
        ),
        close_to_others("workspaces_former"),
        migrations.RunSQL(
            (SQL / "0002_formers.sql").read_text(),
            "DROP TRIGGER let_go_when_removed ON workspaces_former; DROP TRIGGER let_go_when_replaced ON workspaces_former; "
            + forget_as_before(),
        ),
    ]
