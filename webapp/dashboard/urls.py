"""The pages."""

from django.urls import path

from webapp.dashboard import flower, now, sign_in, tasks

urlpatterns = [
    path("sign-in", sign_in.page),
    path("sign-out", sign_in.out),
    path("", now.now),
    path("tasks", tasks.tasks),
    path("flower/<path:path>", flower.flower),
    path("flower/", flower.flower, {"path": ""}),
]
