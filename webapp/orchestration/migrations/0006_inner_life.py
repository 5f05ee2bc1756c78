"""Steps say in which state they left their agent, and what it believes."""

from django.db import migrations

from webapp.orchestration.functions import load_engine


class Migration(migrations.Migration):
    dependencies = [("orchestration", "0005_batches"), ("agent_tasks", "0008_inner_life")]
    operations = [load_engine()]
