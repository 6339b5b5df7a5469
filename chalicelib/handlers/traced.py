"""A traced notification as JSON."""

from chalicelib.domain.trace import TracedDelivery, TracedEvent, TracedNotification
from chalicelib.handlers.answers import Resource, timestamp


def notification_resource(traced: TracedNotification) -> Resource:
    """The whole resource. A recipient that the request named itself shows its name alone: addresses stay inside."""
    return {
        "id": str(traced.notification_id),
        "notification_id": str(traced.notification_id),
        "status": str(traced.status),
        "user_id": None if traced.user_id is None else str(traced.user_id),
        "recipient": None if traced.user_id is not None else {"name": traced.recipient_name},
        "template_code": traced.template_code,
        "template_version": traced.template_version,
        "category": traced.category,
        "priority": str(traced.priority),
        "locale": traced.locale,
        "variables": traced.variables,
        "metadata": traced.metadata,
        "correlation_id": traced.correlation_id,
        "send_at": timestamp(traced.send_at),
        "expires_at": timestamp(traced.expires_at),
        "created_at": timestamp(traced.created_at),
        "updated_at": timestamp(traced.updated_at),
        "deliveries": [_delivery(delivery) for delivery in traced.deliveries],
    }


def _delivery(delivery: TracedDelivery) -> Resource:
    return {
        "id": str(delivery.delivery_id),
        "delivery_id": str(delivery.delivery_id),
        "channel": str(delivery.channel),
        "locale": delivery.locale,
        "status": str(delivery.status),
        "attempts": delivery.attempts,
        "reason": delivery.reason,
        "provider": delivery.provider,
        "provider_message_id": delivery.provider_message_id,
        "next_attempt_at": timestamp(delivery.next_attempt_at),
        "created_at": timestamp(delivery.created_at),
        "updated_at": timestamp(delivery.updated_at),
        "events": [_event(event) for event in delivery.events],
    }


def _event(event: TracedEvent) -> Resource:
    optional = {"provider": event.provider, "reason": event.reason, "detail": event.detail}
    return {
        "at": timestamp(event.at),
        "event": str(event.event),
        "attempt": event.attempt,
        "correlation_id": event.correlation_id,
    } | {name: value for name, value in optional.items() if value is not None}
