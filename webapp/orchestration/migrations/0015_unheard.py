"""What a step has changed before it was stopped is undone; a call that nobody has heard of is told."""

from django.db import migrations

from webapp.orchestration.functions import load_engine


class Migration(migrations.Migration):
    dependencies = [("orchestration", "0014_admission")]
    operations = [load_engine()]
