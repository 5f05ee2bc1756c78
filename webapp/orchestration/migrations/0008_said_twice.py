"""What a worker says twice counts once; a skipped step is released once."""

from django.db import migrations

from webapp.orchestration.functions import load_engine


class Migration(migrations.Migration):
    dependencies = [("orchestration", "0007_freezes")]
    operations = [load_engine()]
