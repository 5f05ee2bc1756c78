"""
Budgets are found by their tenant first. In the database the constraint of before stays until the engine's functions name the
new one (orchestration 0016): whoever works while this is applied can write. The index is built before the table of tenants is
locked for a moment.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('budgets', '0010_unseen_alerts'),
        ('tenants', '0005_answer_cache'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveConstraint(model_name='envelope', name='one_envelope_per_owner')]
        ),
        migrations.AddConstraint(
            model_name='envelope',
            constraint=models.UniqueConstraint(fields=('tenant', 'level', 'owner_id', 'name', 'period'), name='one_budget_per_owner'),
        ),
        migrations.AlterField(
            model_name='envelope',
            name='tenant',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant'),
        ),
    ]
