import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

from webapp.common.tables import close_to_others


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('agent_tasks', '0001_initial'),
        ('tenants', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Envelope',
            fields=[
                ('id', models.UUIDField(db_default=models.Func(function='uuidv7', output_field=models.UUIDField()), editable=False, primary_key=True, serialize=False)),
                ('level', models.CharField(choices=[('tenant', 'Tenant'), ('user', 'User'), ('session', 'Session'), ('task', 'Task')], max_length=10)),
                ('owner_id', models.UUIDField(help_text='The tenant, user, session or task.')),
                ('tokens_limit', models.BigIntegerField(null=True)),
                ('tokens_spent', models.BigIntegerField(default=0)),
                ('tokens_held', models.BigIntegerField(default=0)),
                ('tokens_overrun', models.BigIntegerField(default=0)),
                ('usd_limit', models.DecimalField(decimal_places=10, max_digits=18, null=True)),
                ('usd_spent', models.DecimalField(decimal_places=10, default=0, max_digits=18)),
                ('usd_held', models.DecimalField(decimal_places=10, default=0, max_digits=18)),
                ('usd_overrun', models.DecimalField(decimal_places=10, default=0, max_digits=18)),
                ('created_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()))),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('level', 'owner_id'), name='one_envelope_per_owner'), models.CheckConstraint(condition=models.Q(('tokens_held__gte', 0), ('tokens_spent__gte', 0), models.Q(('tokens_limit__isnull', True), ('tokens_limit__gte', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('tokens_spent'), '+', models.F('tokens_held')), '-', models.F('tokens_overrun'))), _connector='OR')), name='tokens_within_limit'), models.CheckConstraint(condition=models.Q(('usd_held__gte', 0), ('usd_spent__gte', 0), models.Q(('usd_limit__isnull', True), ('usd_limit__gte', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('usd_spent'), '+', models.F('usd_held')), '-', models.F('usd_overrun'))), _connector='OR')), name='usd_within_limit')],
            },
        ),
        migrations.CreateModel(
            name='Hold',
            fields=[
                ('pk', models.CompositePrimaryKey('task_id', 'step', 'fence', blank=True, editable=False, primary_key=True, serialize=False)),
                ('step', models.IntegerField()),
                ('fence', models.IntegerField()),
                ('agent', models.CharField(blank=True, max_length=60)),
                ('purpose', models.CharField(max_length=20)),
                ('provider', models.CharField(max_length=60)),
                ('model', models.CharField(max_length=120)),
                ('state', models.CharField(choices=[('open', 'Open'), ('settled', 'Settled'), ('released', 'Released')], default='open', max_length=10)),
                ('held_tokens', models.BigIntegerField()),
                ('held_usd', models.DecimalField(decimal_places=10, default=0, max_digits=18)),
                ('prompt_tokens', models.BigIntegerField(default=0)),
                ('completion_tokens', models.BigIntegerField(default=0)),
                ('cached_tokens', models.BigIntegerField(default=0)),
                ('usd', models.DecimalField(decimal_places=10, default=0, max_digits=18)),
                ('worst_case', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()))),
                ('closed_at', models.DateTimeField(null=True)),
                ('task', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='agent_tasks.task')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', 'open')), fields=['created_at'], name='hold_open'), models.Index(fields=['tenant', 'created_at'], name='budgets_hol_tenant__f396af_idx')],
            },
        ),
        close_to_others("budgets_envelope"),
        close_to_others("budgets_hold"),
    ]
