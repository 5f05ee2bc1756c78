"""A step that is done says what undoes it."""

from django.db import migrations

from webapp.orchestration.functions import load_engine


class Migration(migrations.Migration):
    dependencies = [("orchestration", "0012_metered")]
    operations = [load_engine()]
