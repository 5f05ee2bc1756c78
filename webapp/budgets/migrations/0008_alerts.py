"""Alerts: a budget has reached a share of its limit."""

import django.db.models.deletion
from django.db import migrations, models

from webapp.common.tables import close_to_others


class Migration(migrations.Migration):

    dependencies = [
        ('budgets', '0007_savings'),
        ('tenants', '0004_policy_revision'),
    ]

    operations = [
        migrations.CreateModel(
            name='Alert',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('level', models.CharField(max_length=10)),
                ('owner_id', models.UUIDField()),
                ('name', models.CharField(blank=True, default='', max_length=60)),
                ('period', models.CharField(blank=True, default='', max_length=10)),
                ('window_start', models.DateTimeField(null=True)),
                ('unit', models.CharField(max_length=12)),
                ('percent', models.SmallIntegerField()),
                ('limit_value', models.DecimalField(decimal_places=10, max_digits=28)),
                ('used_value', models.DecimalField(decimal_places=10, max_digits=28)),
                ('task_id', models.UUIDField(null=True)),
                ('created_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()))),
                ('seen_at', models.DateTimeField(null=True)),
                ('seen_by', models.CharField(blank=True, default='', max_length=254)),
                ('envelope', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='budgets.envelope')),
                ('tenant', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'indexes': [models.Index(fields=['tenant', '-created_at'], name='alert_by_tenant')],
                'constraints': [models.UniqueConstraint(fields=('envelope', 'unit', 'percent', 'window_start', 'limit_value'), name='one_alert_per_crossing', nulls_distinct=False)],
            },
        ),
        close_to_others("budgets_alert"),
    ]
