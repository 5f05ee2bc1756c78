"""Where the addresses lead."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("webapp.api.urls")),
    path("admin/", admin.site.urls),
    path("", include("webapp.dashboard.urls")),
]

handler403 = "webapp.dashboard.errors.forbidden"
handler404 = "webapp.dashboard.errors.not_found"
handler500 = "webapp.dashboard.errors.failed"
