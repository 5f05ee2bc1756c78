"""Webhooks and their deliveries."""

from pathlib import Path

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

from webapp.common.tables import close_to_others

SQL = Path(__file__).parents[1] / "sql" / "0001_deliveries.sql"


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('budgets', '0008_alerts'),
        ('tenants', '0004_policy_revision'),
    ]

    operations = [
        migrations.CreateModel(
            name='Webhook',
            fields=[
                ('id', models.UUIDField(db_default=models.Func(function='uuidv7', output_field=models.UUIDField()), editable=False, primary_key=True, serialize=False)),
                ('url', models.CharField(max_length=2000)),
                ('sealed', models.BinaryField()),
                ('old_sealed', models.BinaryField(null=True)),
                ('old_until', models.DateTimeField(null=True)),
                ('kinds', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('budget.alert', 'a budget has reached a share of its limit')], max_length=40), size=None)),
                ('is_active', models.BooleanField(default=True)),
                ('created_by', models.EmailField(max_length=254)),
                ('created_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()))),
                ('last_status', models.SmallIntegerField(null=True)),
                ('last_error', models.CharField(blank=True, default='', max_length=200)),
                ('last_at', models.DateTimeField(null=True)),
                ('failures', models.IntegerField(default=0)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.UUIDField(db_default=models.Func(function='uuidv7', output_field=models.UUIDField()), editable=False, primary_key=True, serialize=False)),
                ('event', models.CharField(max_length=60)),
                ('kind', models.CharField(max_length=40)),
                ('body', models.JSONField()),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('delivered', 'Delivered'), ('given_up', 'Given Up')], default='waiting', max_length=10)),
                ('attempts', models.SmallIntegerField(default=0)),
                ('next_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()))),
                ('claimed_until', models.DateTimeField(null=True)),
                ('status', models.SmallIntegerField(null=True)),
                ('error', models.CharField(blank=True, default='', max_length=200)),
                ('created_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()))),
                ('delivered_at', models.DateTimeField(null=True)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
                ('webhook', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='webhooks.webhook')),
            ],
            options={
                'verbose_name_plural': 'deliveries',
                'indexes': [models.Index(condition=models.Q(('state', 'waiting')), fields=['webhook', 'next_at'], name='delivery_waiting'), models.Index(fields=['created_at'], name='delivery_by_age')],
                'constraints': [models.UniqueConstraint(fields=('webhook', 'event'), name='one_delivery_per_event')],
            },
        ),
        close_to_others("webhooks_webhook"),
        close_to_others("webhooks_delivery"),
        migrations.RunSQL(
            SQL.read_text(),
            "DROP FUNCTION webhooks_untold, webhooks_claim, webhooks_forget",
        ),
    ]
