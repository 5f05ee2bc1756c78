"""What a task builds on, and whether it has been added to its session's conversation."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('agent_tasks', '0011_prompts'),
    ]

    operations = [
        migrations.AddField(
            model_name='task',
            name='conversation',
            field=models.CharField(blank=True, db_default='', help_text='Key of what was said in its session before it.', max_length=64),
        ),
        migrations.AddField(
            model_name='task',
            name='in_conversation',
            field=models.BooleanField(help_text="Whether that of its session has its question and answer yet; None: it takes no part.", null=True),
        ),
    ]
