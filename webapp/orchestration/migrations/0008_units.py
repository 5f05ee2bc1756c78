"""Holds of every unit, from budgets of agents and periods too."""

from django.db import migrations

from webapp.orchestration.functions import load_engine


class Migration(migrations.Migration):
    dependencies = [
        ("orchestration", "0007_savings"),
        ("budgets", "0009_units"),
        ("agent_tasks", "0010_agent_tokens"),
    ]
    operations = [load_engine()]
