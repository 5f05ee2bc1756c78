"""Conversations as trees of messages, each stored once, and the summaries of their older parts."""

import django.db.models.deletion
from django.db import migrations, models

from webapp.common.tables import close_to_others


class Migration(migrations.Migration):

    dependencies = [
        ('agent_sessions', '0002_indexes'),
        ('tenants', '0004_policy_revision'),
    ]

    operations = [
        migrations.AddField(
            model_name='session',
            name='conversation',
            field=models.CharField(blank=True, db_default='', help_text='The last message that its tasks have added.', max_length=64),
        ),
        migrations.CreateModel(
            name='ConversationNode',
            fields=[
                ('pk', models.CompositePrimaryKey('tenant_id', 'sha256', blank=True, editable=False, primary_key=True, serialize=False)),
                ('sha256', models.CharField(max_length=64)),
                ('parent', models.CharField(blank=True, help_text='Key of the message before; empty: it is the first.', max_length=64)),
                ('role', models.CharField(max_length=12)),
                ('chars', models.IntegerField(help_text='What counts of it for the window.')),
                ('message', models.JSONField()),
                ('created_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()))),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='ConversationSummary',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('node', models.CharField(max_length=64)),
                ('parameters', models.CharField(max_length=80)),
                ('messages', models.IntegerField(help_text='For so many it stands.')),
                ('text', models.TextField()),
                ('provider', models.CharField(blank=True, max_length=60)),
                ('model', models.CharField(blank=True, max_length=120)),
                ('task', models.UUIDField()),
                ('step', models.IntegerField()),
                ('created_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()))),
                ('tenant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant', 'node', 'parameters'), name='one_summary_per_conversation')],
            },
        ),
        close_to_others("agent_sessions_conversationnode"),
        close_to_others("agent_sessions_conversationsummary"),
    ]
