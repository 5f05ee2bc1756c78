import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from webapp.common.tables import close_to_others


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('tenants', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Session',
            fields=[
                ('id', models.UUIDField(db_default=models.Func(function='uuidv7', output_field=models.UUIDField()), editable=False, primary_key=True, serialize=False)),
                ('external_id', models.CharField(max_length=128, null=True)),
                ('title', models.CharField(blank=True, max_length=60)),
                ('context', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()))),
                ('updated_at', models.DateTimeField(db_default=models.Func(function='clock_timestamp', output_field=models.DateTimeField()))),
                ('deleted_at', models.DateTimeField(null=True)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenants.tenant')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['tenant', 'user', '-created_at'], name='agent_sessi_tenant__b1c03b_idx')],
                'constraints': [models.UniqueConstraint(fields=('user', 'external_id'), name='one_session_per_external_id')],
            },
        ),
        close_to_others("agent_sessions_session"),
    ]
