"""Every HTTP route of the application."""

from chalice.app import Chalice

from chalicelib.handlers import (
    audit,
    auth,
    batch,
    circuits,
    clients,
    devices,
    docs,
    failed,
    fallback,
    health,
    notification_list,
    notifications,
    preferences,
    queues,
    template_versions,
    templates,
    users,
)


def register_routes(app: Chalice) -> None:
    """Add all routes, and then the answers for what is no route."""
    for resource in (
        audit,
        auth,
        batch,
        circuits,
        clients,
        devices,
        docs,
        failed,
        health,
        notification_list,
        notifications,
        preferences,
        queues,
        template_versions,
        templates,
        users,
    ):
        app.register_blueprint(resource.routes)
    fallback.register_fallbacks(app)
