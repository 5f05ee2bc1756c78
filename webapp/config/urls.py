"""Where the addresses lead."""

from django.urls import include, path

urlpatterns = [path("", include("webapp.api.urls"))]
