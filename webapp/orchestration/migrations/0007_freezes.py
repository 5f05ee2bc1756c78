"""What is frozen waits; lost workers are counted by themselves."""

from django.db import migrations

from webapp.orchestration.functions import load_engine


class Migration(migrations.Migration):
    dependencies = [
        ("orchestration", "0006_inner_life"),
        ("agent_tasks", "0009_step_losses"),
        ("decisions", "0005_freezes"),
    ]
    operations = [load_engine()]
