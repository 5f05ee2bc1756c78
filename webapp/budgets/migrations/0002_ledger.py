import django.db.models.deletion
from django.db import migrations, models

VIEW = """
CREATE VIEW budgets_ledger WITH (security_invoker = true) AS
SELECT concat_ws('/', task_id, step, fence) AS id, tenant_id, task_id, step, fence AS attempt, agent, purpose, provider,
       model, state, held_tokens, held_usd, prompt_tokens, completion_tokens, usd, worst_case, created_at, closed_at
  FROM budgets_hold
"""


class Migration(migrations.Migration):
    dependencies = [("budgets", "0001_initial")]
    operations = [
        migrations.RunSQL(VIEW, "DROP VIEW budgets_ledger"),
        migrations.CreateModel(
            name='LedgerEntry',
            fields=[
                ('id', models.CharField(help_text='task/step/attempt', max_length=60, primary_key=True, serialize=False)),
                ('task_id', models.UUIDField()),
                ('step', models.IntegerField()),
                ('attempt', models.IntegerField()),
                ('agent', models.CharField(max_length=60)),
                ('purpose', models.CharField(max_length=20)),
                ('provider', models.CharField(max_length=60)),
                ('model', models.CharField(max_length=120)),
                ('state', models.CharField(choices=[('open', 'Open'), ('settled', 'Settled'), ('released', 'Released')], max_length=10)),
                ('held_tokens', models.BigIntegerField()),
                ('held_usd', models.DecimalField(decimal_places=10, default=0, max_digits=18)),
                ('prompt_tokens', models.BigIntegerField()),
                ('completion_tokens', models.BigIntegerField()),
                ('usd', models.DecimalField(decimal_places=10, default=0, max_digits=18)),
                ('worst_case', models.BooleanField(help_text='The true cost never became known.')),
                ('created_at', models.DateTimeField()),
                ('closed_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name_plural': 'ledger',
                'db_table': 'budgets_ledger',
                'managed': False,
            },
        ),
    ]
