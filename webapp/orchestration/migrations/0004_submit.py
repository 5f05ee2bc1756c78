"""Submitting in one write, fewer statements in a turn."""

from django.db import migrations

from webapp.orchestration.functions import load_engine


class Migration(migrations.Migration):
    dependencies = [
        ("orchestration", "0003_records"),
        ("agent_sessions", "0001_initial"),
        ("tenants", "0003_policies"),
    ]
    operations = [load_engine()]
