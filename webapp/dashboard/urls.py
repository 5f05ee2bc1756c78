"""The pages."""

from django.urls import path

from webapp.dashboard import (
    budgets,
    flower,
    freezes,
    keys,
    new_task,
    now,
    sessions,
    sign_in,
    step,
    task,
    task_events,
    tasks,
    travel,
    workers,
)

urlpatterns = [
    path("sign-in", sign_in.page),
    path("sign-out", sign_in.out),
    path("", now.now),
    path("tasks", tasks.tasks),
    path("tasks/new", new_task.new_task),
    path("tasks/<uuid:name>", task.task),
    path("tasks/<uuid:name>/events", task_events.events),
    path("tasks/<uuid:name>/steps/<int:n>", step.step),
    path("tasks/<uuid:name>/cancel", task.cancel),
    path("tasks/<uuid:name>/pause", task.pause),
    path("tasks/<uuid:name>/resume", task.resume),
    path("tasks/<uuid:name>/replay", travel.replay),
    path("tasks/<uuid:name>/fork", travel.fork),
    path("tasks/<uuid:name>/comparison", travel.comparison),
    path("tasks/<uuid:name>/files/<str:sha256>", task.file),
    path("sessions", sessions.sessions),
    path("sessions/<uuid:name>", sessions.session),
    path("budgets", budgets.budgets),
    path("workers", workers.workers),
    path("workers/pulse", workers.pulse),
    path("freezes", freezes.freezes),
    path("freezes/<str:name>/thaw", freezes.lift),
    path("keys", keys.keys),
    path("keys/<str:key>/revoke", keys.revoke),
    path("flower/<path:path>", flower.flower),
    path("flower/", flower.flower, {"path": ""}),
]
