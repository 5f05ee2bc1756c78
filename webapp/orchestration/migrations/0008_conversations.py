"""A task is submitted with the conversation that it builds on."""

from django.db import migrations

from webapp.orchestration.functions import load_engine


class Migration(migrations.Migration):
    dependencies = [("orchestration", "0007_savings"), ("agent_tasks", "0010_conversation")]
    operations = [load_engine()]
