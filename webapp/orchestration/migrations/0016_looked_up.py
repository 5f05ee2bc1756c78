"""The engine looks rows up by their keys, whatever else the planner could begin with."""

from django.db import migrations

from webapp.orchestration.functions import load_engine


class Migration(migrations.Migration):
    dependencies = [("budgets", "0011_by_tenant"), ("orchestration", "0015_unheard")]
    operations = [load_engine()]
