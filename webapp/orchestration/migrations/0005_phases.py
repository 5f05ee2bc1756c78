"""A turn in phases; agents' inner life; freezes that park; what a worker says twice counts once."""

from django.db import migrations

from webapp.orchestration.functions import load_engine


class Migration(migrations.Migration):
    dependencies = [
        ("orchestration", "0004_submit"),
        ("agent_tasks", "0009_step_losses"),
        ("decisions", "0005_freezes"),
    ]
    operations = [load_engine()]
