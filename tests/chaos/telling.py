"""A delivery's whole trace as text: what the database, the sinks and the faults say, in one order of time."""

from collections.abc import Iterable

from tests.chaos.records import Arrival, Delivery, Event, Incident


def told(delivery: Delivery, arrivals: Iterable[Arrival], incidents: Iterable[Incident]) -> str:
    """Everything that happened to it, and everything that was done while it was open, a line each."""
    lines = [(event.at, _told(event)) for event in delivery.events]
    lines += [(each.at, f"ARRIVED{'' if each.answered else ', unanswered'}") for each in arrivals]
    times = [delivery.due_at, *(at for at, _ in lines)]
    for incident in incidents:
        if incident.touches(min(times), max(times)):
            lines.append((incident.began_at, f"       {incident.kind} of {incident.target}"))
            lines.append((incident.ended_at, f"       {incident.kind} of {incident.target} is over"))
    head = f"{delivery.delivery_id} {delivery.lane} {delivery.status} {delivery.reason or ''}"
    body = [f"  {at:%H:%M:%S.%f} {text.rstrip()}" for at, text in sorted(lines)]
    return "\n".join([head, f"  {delivery.due_at:%H:%M:%S.%f} (due)", *body])


def _told(event: Event) -> str:
    times = f", {event.count} times" if event.count > 1 else ""
    return f"{event.name} {event.attempt} {event.reason or ''} {event.detail or ''}{times}"
