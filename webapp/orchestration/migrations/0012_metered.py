"""A begin says whether the fuel that it asks for is limited."""

from django.db import migrations

from webapp.orchestration.functions import load_engine


class Migration(migrations.Migration):
    dependencies = [("orchestration", "0011_quotes")]
    operations = [load_engine()]
