"""
An attempt may call several models: each call has a hold of its own.

Columns keep their defaults in the database: workers of the release before go on writing holds until they are replaced.
"""

from django.db import migrations, models

VIEW = """
DROP VIEW budgets_ledger;
CREATE VIEW budgets_ledger WITH (security_invoker = true) AS
SELECT concat_ws('/', task_id, step, fence, call) AS id, tenant_id, task_id, step, fence AS attempt, call, agent, purpose,
       provider, model, state, held_tokens, held_usd, prompt_tokens, completion_tokens, usd, worst_case, error, created_at,
       closed_at
  FROM budgets_hold;
"""
KEY = """
ALTER TABLE budgets_hold ADD COLUMN call smallint NOT NULL DEFAULT 1, ADD COLUMN tier varchar(20) NOT NULL DEFAULT '',
  ADD COLUMN hedge boolean NOT NULL DEFAULT false, ADD COLUMN error varchar(60) NOT NULL DEFAULT '';
ALTER TABLE budgets_hold DROP CONSTRAINT budgets_hold_pkey, ADD PRIMARY KEY (task_id, step, fence, call);
"""


class Migration(migrations.Migration):
    dependencies = [("budgets", "0005_indexes")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(KEY)],
            state_operations=[
                migrations.AddField("hold", "call", models.SmallIntegerField(default=1)),
                migrations.AddField("hold", "tier", models.CharField(max_length=20, blank=True, default="")),
                migrations.AddField("hold", "hedge", models.BooleanField(default=False)),
                migrations.AddField("hold", "error", models.CharField(max_length=60, blank=True, default="")),
                migrations.AlterField(
                    "hold", "pk", models.CompositePrimaryKey("task_id", "step", "fence", "call", blank=True, editable=False, primary_key=True, serialize=False)
                ),
            ],
        ),
        migrations.RunSQL(VIEW),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddField("ledgerentry", "call", models.IntegerField()),
                migrations.AddField("ledgerentry", "error", models.CharField(max_length=60)),
            ]
        ),
    ]
