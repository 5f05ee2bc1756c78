"""What steps did not have to pay for."""

import django.db.models.deletion
from django.db import migrations, models

from webapp.common.tables import close_to_others


class Migration(migrations.Migration):

    dependencies = [
        ('agent_tasks', '0009_step_losses'),
        ('budgets', '0006_calls'),
        ('tenants', '0004_policy_revision'),
    ]

    operations = [
        migrations.CreateModel(
            name='Saving',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('step', models.IntegerField()),
                ('agent', models.CharField(blank=True, max_length=60)),
                ('cause', models.CharField(choices=[('exact', 'the same call was answered before'), ('semantic', 'an alike question was answered before'), ('single_flight', 'the same call was under way'), ('provider_cache', 'the provider had the beginning of the prompt'), ('context', 'a summary stood for old messages')], max_length=20)),
                ('provider', models.CharField(max_length=60)),
                ('model', models.CharField(max_length=120)),
                ('tokens', models.BigIntegerField()),
                ('usd', models.DecimalField(decimal_places=10, default=0, max_digits=18)),
                ('created_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()))),
                ('task', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='agent_tasks.task')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'indexes': [models.Index(fields=['task'], name='budgets_sav_task_id_c5388d_idx'), models.Index(fields=['tenant', 'created_at'], name='budgets_sav_tenant__cb8869_idx')],
            },
        ),
        close_to_others("budgets_saving"),
    ]
