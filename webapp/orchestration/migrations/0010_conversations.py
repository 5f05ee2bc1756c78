"""A task is submitted with the conversation that it builds on."""

from django.db import migrations

from webapp.orchestration.functions import load_engine


class Migration(migrations.Migration):
    dependencies = [("orchestration", "0009_prompts"), ("agent_tasks", "0012_conversation")]
    operations = [load_engine()]
