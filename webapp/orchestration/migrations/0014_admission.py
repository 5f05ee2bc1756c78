"""Far from its limits a tenant's tasks are admitted side by side."""

from django.db import migrations

from webapp.orchestration.functions import load_engine


class Migration(migrations.Migration):
    dependencies = [("orchestration", "0013_undoing")]
    operations = [load_engine()]
