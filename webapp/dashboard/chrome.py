"""What surrounds every page: the navigation, the theme, the version."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest

from webapp.common.values import JSON
from webapp.tenants.rules import ANYONE
from webapp.tenants.selectors import principal_of_user


@dataclass(frozen=True)
class Place:
    url: str
    label: str
    icon: str
    scope: str
    leaves: bool = False  # another application behind the same sign-in
    also: str = ""  # a further address that belongs to it

    def is_at(self, path: str) -> bool:
        if self.url == "/":
            return path == self.url
        return any(path == url or path.startswith(url + "/") for url in (self.url, self.also) if url)


PLACES = (
    Place("/", "Now", "pulse", "workflows:read"),
    Place("/tasks", "Tasks", "list", "workflows:read"),
    Place("/sessions", "Sessions", "chat", "sessions:read"),
    Place("/budgets", "Budgets", "coin", "budgets:read"),
    Place("/alerts", "Alerts", "bell", "budgets:read"),
    Place("/workers", "Workers", "gear", "workflows:read"),
    Place("/models", "Models", "chip", "workflows:read"),
    Place("/prompts", "Prompts", "quill", "policies:read"),
    Place("/tools", "Tools", "wrench", "policies:read", also="/tool-sources"),
    Place("/freezes", "Freezes", "snow", "freezes:write"),
    Place("/keys", "Keys", "key", ANYONE),
    Place("/admin/", "Admin", "shield", "audit:read", leaves=True),
    Place("/flower/", "Flower", "flower", "queues:read", leaves=True),
)
THEMES = ("light", "dark")


def chrome(request: HttpRequest) -> JSON:
    theme = request.COOKIES.get("theme", "")
    return {
        "theme": theme if theme in THEMES else "",
        "version": settings.VERSION,
        "places": _places(request),
    }


def _places(request: HttpRequest) -> list[JSON]:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return []
    who = principal_of_user(user)
    waiting = {"/alerts": getattr(user, "unseen_alerts", 0)}
    return [
        {"place": place, "here": place.is_at(request.path), "waiting": waiting.get(place.url, 0)}
        for place in PLACES
        if who.may(place.scope)
    ]
