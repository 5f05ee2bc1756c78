"""Budgets of agents, of a day and of a month, in more units; holds that know what they are held from."""

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('budgets', '0008_alerts'),
        ('tenants', '0004_policy_revision'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='envelope',
            name='one_envelope_per_owner',
        ),
        migrations.RemoveConstraint(
            model_name='envelope',
            name='tokens_within_limit',
        ),
        migrations.RemoveConstraint(
            model_name='envelope',
            name='usd_within_limit',
        ),
        migrations.AddField(
            model_name='envelope',
            name='alert_percent',
            field=models.SmallIntegerField(db_default=80, default=80, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)]),
        ),
        migrations.AddField(
            model_name='envelope',
            name='fuel_held',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='envelope',
            name='fuel_limit',
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='envelope',
            name='fuel_overrun',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='envelope',
            name='fuel_spent',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='envelope',
            name='name',
            field=models.CharField(blank=True, db_default='', default='', help_text="The agent's, at its level.", max_length=60),
        ),
        migrations.AddField(
            model_name='envelope',
            name='period',
            field=models.CharField(choices=[('total', 'Total'), ('day', 'Day'), ('month', 'Month')], db_default='total', default='total', max_length=10),
        ),
        migrations.AddField(
            model_name='envelope',
            name='seconds_held',
            field=models.DecimalField(db_default=0, decimal_places=3, default=0, max_digits=18),
        ),
        migrations.AddField(
            model_name='envelope',
            name='seconds_limit',
            field=models.DecimalField(blank=True, decimal_places=3, max_digits=18, null=True),
        ),
        migrations.AddField(
            model_name='envelope',
            name='seconds_overrun',
            field=models.DecimalField(db_default=0, decimal_places=3, default=0, max_digits=18),
        ),
        migrations.AddField(
            model_name='envelope',
            name='seconds_spent',
            field=models.DecimalField(db_default=0, decimal_places=3, default=0, max_digits=18),
        ),
        migrations.AddField(
            model_name='envelope',
            name='steps_limit',
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='envelope',
            name='steps_spent',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='envelope',
            name='tool_calls_held',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='envelope',
            name='tool_calls_limit',
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='envelope',
            name='tool_calls_spent',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='envelope',
            name='window_start',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='hold',
            name='envelopes',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), db_default=[], default=list, size=None),
        ),
        migrations.AddField(
            model_name='hold',
            name='fuel',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='hold',
            name='held_fuel',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='hold',
            name='held_seconds',
            field=models.DecimalField(db_default=0, decimal_places=3, default=0, max_digits=18),
        ),
        migrations.AddField(
            model_name='hold',
            name='held_tool_calls',
            field=models.SmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='hold',
            name='seconds',
            field=models.DecimalField(db_default=0, decimal_places=3, default=0, max_digits=18),
        ),
        migrations.AddField(
            model_name='hold',
            name='steps',
            field=models.IntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='hold',
            name='tool_calls',
            field=models.SmallIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name='envelope',
            name='level',
            field=models.CharField(choices=[('tenant', 'Tenant'), ('user', 'User'), ('session', 'Session'), ('task', 'Task'), ('agent', 'Agent')], max_length=10),
        ),
        migrations.AlterField(
            model_name='envelope',
            name='tokens_held',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name='envelope',
            name='tokens_overrun',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name='envelope',
            name='tokens_spent',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name='envelope',
            name='usd_held',
            field=models.DecimalField(db_default=0, decimal_places=10, default=0, max_digits=18),
        ),
        migrations.AlterField(
            model_name='envelope',
            name='usd_overrun',
            field=models.DecimalField(db_default=0, decimal_places=10, default=0, max_digits=18),
        ),
        migrations.AlterField(
            model_name='envelope',
            name='usd_spent',
            field=models.DecimalField(db_default=0, decimal_places=10, default=0, max_digits=18),
        ),
        migrations.AlterField(
            model_name='hold',
            name='held_usd',
            field=models.DecimalField(db_default=0, decimal_places=10, default=0, max_digits=18),
        ),
        migrations.AlterField(
            model_name='hold',
            name='usd',
            field=models.DecimalField(db_default=0, decimal_places=10, default=0, max_digits=18),
        ),
        migrations.AlterField(
            model_name='saving',
            name='usd',
            field=models.DecimalField(db_default=0, decimal_places=10, default=0, max_digits=18),
        ),
        migrations.AddConstraint(
            model_name='envelope',
            constraint=models.UniqueConstraint(fields=('level', 'owner_id', 'name', 'period'), name='one_envelope_per_owner'),
        ),
        migrations.AddConstraint(
            model_name='envelope',
            constraint=models.CheckConstraint(condition=models.Q(('tokens_spent__gte', 0), ('tokens_held__gte', 0), models.Q(('tokens_limit__isnull', True), ('tokens_limit__gte', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('tokens_spent'), '+', models.F('tokens_held')), '-', models.F('tokens_overrun'))), _connector='OR')), name='tokens_within_limit', violation_error_message='The limit in tokens is below what is already spent or held.'),
        ),
        migrations.AddConstraint(
            model_name='envelope',
            constraint=models.CheckConstraint(condition=models.Q(('usd_spent__gte', 0), ('usd_held__gte', 0), models.Q(('usd_limit__isnull', True), ('usd_limit__gte', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('usd_spent'), '+', models.F('usd_held')), '-', models.F('usd_overrun'))), _connector='OR')), name='usd_within_limit', violation_error_message='The limit in USD is below what is already spent or held.'),
        ),
        migrations.AddConstraint(
            model_name='envelope',
            constraint=models.CheckConstraint(condition=models.Q(('seconds_spent__gte', 0), ('seconds_held__gte', 0), models.Q(('seconds_limit__isnull', True), ('seconds_limit__gte', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('seconds_spent'), '+', models.F('seconds_held')), '-', models.F('seconds_overrun'))), _connector='OR')), name='seconds_within_limit', violation_error_message='The limit in seconds of calls is below what is already spent or held.'),
        ),
        migrations.AddConstraint(
            model_name='envelope',
            constraint=models.CheckConstraint(condition=models.Q(('fuel_spent__gte', 0), ('fuel_held__gte', 0), models.Q(('fuel_limit__isnull', True), ('fuel_limit__gte', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('fuel_spent'), '+', models.F('fuel_held')), '-', models.F('fuel_overrun'))), _connector='OR')), name='fuel_within_limit', violation_error_message='The limit in units of fuel is below what is already spent or held.'),
        ),
        migrations.AddConstraint(
            model_name='envelope',
            constraint=models.CheckConstraint(condition=models.Q(('tool_calls_spent__gte', 0), ('tool_calls_held__gte', 0), models.Q(('tool_calls_limit__isnull', True), ('tool_calls_limit__gte', django.db.models.expressions.CombinedExpression(models.F('tool_calls_spent'), '+', models.F('tool_calls_held'))), _connector='OR')), name='tool_calls_within_limit', violation_error_message='The limit in tool calls is below what is already spent or held.'),
        ),
        migrations.AddConstraint(
            model_name='envelope',
            constraint=models.CheckConstraint(condition=models.Q(('steps_spent__gte', 0), models.Q(('steps_limit__isnull', True), ('steps_limit__gte', models.F('steps_spent')), _connector='OR')), name='steps_within_limit', violation_error_message='The limit in added steps is below what is already spent or held.'),
        ),
        migrations.AddConstraint(
            model_name='envelope',
            constraint=models.CheckConstraint(condition=models.Q(('period', 'total'), ('window_start__isnull', False), _connector='OR'), name='window_of_period'),
        ),
        # Those that are open must be settled from where they are held.
        migrations.RunSQL(
            "UPDATE budgets_hold h SET envelopes = t.envelopes FROM agent_tasks_task t WHERE t.id = h.task_id",
            migrations.RunSQL.noop,
        ),
    ]
