"""Every HTTP route of the application."""

from chalice.app import Chalice

from chalicelib.handlers import auth, devices, fallback, health, notifications, templates, users


def register_routes(app: Chalice) -> None:
    """Add all routes, and then the answers for what is no route."""
    for resource in (auth, devices, health, notifications, templates, users):
        app.register_blueprint(resource.routes)
    fallback.register_fallbacks(app)
