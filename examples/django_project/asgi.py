"""What the server is given: HTTP goes to Django's views, WebSockets to channels' consumers."""

from __future__ import annotations

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_project.settings")
django = get_asgi_application()

from django_project.consumers import EchoConsumer  # noqa: E402 - after Django has been set up

application = ProtocolTypeRouter(
    {"http": django, "websocket": URLRouter([path("echo", EchoConsumer.as_asgi())])},
)
