"""What a source changes of its tools by itself waits for a person; what the sources have by now is accepted."""

from django.db import migrations, models

ACCEPT = "UPDATE tool_sources_toolsource SET accepted = tools WHERE revision > 0"


class Migration(migrations.Migration):
    dependencies = [("tool_sources", "0003_shares")]

    operations = [
        migrations.AddField(model_name="toolsource", name="accepted", field=models.JSONField(null=True)),
        migrations.RunSQL(ACCEPT, migrations.RunSQL.noop),
    ]
