"""The routes of the API. No trailing slashes: clients never follow redirects."""

from django.urls import path

from webapp.api import auth, completions, complexity, freezes, health, models, provider_keys, schema, stream, tasks, travel

urlpatterns = [
    path("health", health.health),
    path("readiness", health.readiness),
    path("openapi.json", schema.openapi),
    path("api/v1/auth/register", auth.Register.as_view()),
    path("api/v1/auth/login", auth.Login.as_view()),
    path("api/v1/auth/refresh", auth.Refresh.as_view()),
    path("api/v1/auth/me", auth.Me.as_view()),
    path("api/v1/auth/refresh-key", auth.RefreshKey.as_view()),
    path("api/v1/auth/api-keys", auth.ApiKeys.as_view()),
    path("api/v1/auth/api-keys/<str:key>", auth.OneApiKey.as_view()),
    path("api/v1/tasks", tasks.Tasks.as_view()),
    path("api/v1/tasks/stream", tasks.TaskStream.as_view()),
    path("api/v1/tasks/<str:name>", tasks.OneTask.as_view()),
    path("api/v1/tasks/<str:name>/steps", tasks.TaskSteps.as_view()),
    path("api/v1/tasks/<str:name>/events", tasks.TaskEvents.as_view()),
    path("api/v1/tasks/<str:name>/cancel", tasks.CancelTask.as_view()),
    path("api/v1/tasks/<str:name>/pause", tasks.PauseTask.as_view()),
    path("api/v1/tasks/<str:name>/resume", tasks.ResumeTask.as_view()),
    path("api/v1/tasks/<str:name>/control-state", tasks.ControlState.as_view()),
    path("api/v1/tasks/<str:name>/replay", travel.ReplayTask.as_view()),
    path("api/v1/tasks/<str:name>/fork", travel.ForkTask.as_view()),
    path("api/v1/tasks/<str:name>/comparison", travel.CompareTask.as_view()),
    path("api/v1/tasks/<str:name>/files/<str:sha256>", tasks.Artifact.as_view()),
    path("api/v1/freezes", freezes.Freezes.as_view()),
    path("api/v1/freezes/<str:freeze>/thaw", freezes.ThawFreeze.as_view()),
    path("api/v1/provider-keys", provider_keys.ProviderKeys.as_view()),
    path("api/v1/provider-keys/<str:provider>", provider_keys.OneProviderKey.as_view()),
    path("api/v1/stream/sse", stream.sse),
    path("api/v1/complexity", complexity.Complexity.as_view()),
    path("v1/completions", completions.Completions.as_view()),
    path("v1/models", models.Models.as_view()),
    path("v1/models/<str:model>", models.OneModel.as_view()),
]
