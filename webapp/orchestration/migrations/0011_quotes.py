"""A task is written with its quote; one whose quote is above its ceiling is paused from the start."""

from django.db import migrations

from webapp.orchestration.functions import load_engine


class Migration(migrations.Migration):
    dependencies = [("orchestration", "0010_conversations"), ("agent_tasks", "0013_quote")]
    operations = [load_engine()]
