"""The peer: a Channels consumer whose messages come from a channel layer group, as the documentation shows it."""

from __future__ import annotations

import os
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import URLRouter
from django.conf import settings
from django.urls import path

LAYER = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": [{"address": os.environ.get("REDIS_URL", ""), "max_connections": 5000}], "capacity": 5000},
    }
}
if not settings.configured:
    settings.configure(SECRET_KEY="of a benchmark", CHANNEL_LAYERS=LAYER, LOGGING_CONFIG=None)


class Member(AsyncWebsocketConsumer):
    groups = ["task"]

    async def tell(self, event: dict[str, Any]) -> None:
        await self.send(text_data=event["text"])


application = URLRouter([path("ws", Member.as_asgi())])
