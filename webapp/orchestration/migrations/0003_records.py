"""Steps that are served from the record of an earlier run."""

from django.db import migrations

from webapp.orchestration.functions import load_engine


class Migration(migrations.Migration):
    dependencies = [("orchestration", "0002_control"), ("agent_tasks", "0005_time_travel")]
    operations = [load_engine()]
