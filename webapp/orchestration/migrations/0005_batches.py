"""Completions, begins and settlements of a turn at once."""

from django.db import migrations

from webapp.orchestration.functions import load_engine


class Migration(migrations.Migration):
    dependencies = [("orchestration", "0004_submit")]
    operations = [load_engine()]
