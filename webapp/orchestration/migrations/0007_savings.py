"""A step's completion also says what it did not have to pay for."""

from django.db import migrations

from webapp.orchestration.functions import load_engine


class Migration(migrations.Migration):
    dependencies = [("orchestration", "0006_calls"), ("budgets", "0007_savings")]
    operations = [load_engine()]
