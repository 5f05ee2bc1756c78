"""An attempt may call several models, each with a hold of its own."""

from django.db import migrations

from webapp.orchestration.functions import load_engine


class Migration(migrations.Migration):
    dependencies = [("orchestration", "0005_phases"), ("budgets", "0006_calls")]
    operations = [load_engine()]
