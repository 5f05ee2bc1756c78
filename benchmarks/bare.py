"""A bare Django view, the measure for ours: no middleware, no database, no authentication."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path


def view(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


urlpatterns = [path("bare", view)]
if not settings.configured:
    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="of a benchmark", LOGGING_CONFIG=None)

application: Any = get_asgi_application()
if "threads" in os.environ.get("BARE", ""):
    sys.path.insert(0, os.getcwd())
    from webapp.config.threads import Threads

    application = Threads(get_wsgi_application(), threads=16, body_limit_bytes=1000)
