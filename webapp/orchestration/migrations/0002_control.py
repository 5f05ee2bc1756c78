"""Pause and resume, admission, deadlines, join policies, compensation."""

from django.db import migrations

from webapp.orchestration.functions import load_engine


class Migration(migrations.Migration):
    dependencies = [
        ("orchestration", "0001_engine"),
        ("agent_tasks", "0004_control"),
        ("budgets", "0004_engine_rows"),
        ("decisions", "0003_engine_rows"),
        ("progress", "0002_engine_rows"),
    ]
    operations = [load_engine()]
