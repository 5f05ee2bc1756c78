"""A task is pinned to the prompt templates that are in force when it is submitted."""

from django.db import migrations

from webapp.orchestration.functions import load_engine


class Migration(migrations.Migration):
    dependencies = [("orchestration", "0008_units"), ("agent_tasks", "0011_prompts"), ("prompts", "0001_initial")]
    operations = [load_engine()]
