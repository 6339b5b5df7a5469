"""What failed: shown, replayed, discarded."""

import time
from collections.abc import Callable
from functools import partial

from chalicelib.domain.failure import FailurePage
from chalicelib.services import discard as discarding
from chalicelib.services import inspect_failed as inspecting
from chalicelib.services import list_failed as listing
from chalicelib.services import replay as replaying
from chalicelib.services import replay_many as replaying_many
from chalicelib.services.choose_current import CurrentTemplates
from chalicelib.stores.discards import DiscardStore
from chalicelib.stores.failed_records import FailedRecordStore
from chalicelib.stores.replay_candidates import ReplayCandidateStore
from chalicelib.stores.replays import ReplayStore
from chalicelib.stores.traces import TraceStore
from chalicelib.wiring.environment import clock, database, publisher, read_database
from chalicelib.wiring.kept import kept
from chalicelib.wiring.notifications import progress
from chalicelib.wiring.templates import compiled, templates


@kept
def list_failed() -> partial[FailurePage]:
    return partial(listing.list_failed, records=FailedRecordStore(database=read_database("notifications")))


def inspect_failed() -> partial[inspecting.InspectedFailure]:
    return partial(
        inspecting.inspect_failed,
        records=_records(),
        behind=_replays(),
        traces=TraceStore(database=database("notifications")),
        compiled=compiled,
        current=_current(),
    )


def replay() -> Callable[[replaying.ReplayFailure], replaying.Replayed]:
    return partial(
        replaying.replay,
        replays=_replays(),
        current=_current(),
        progress=progress(),
        courier=publisher(),
        clock=clock,
    )


def replay_many() -> Callable[[replaying_many.ReplayMany], replaying_many.ReplayedMany]:
    return partial(
        replaying_many.replay_many,
        candidates=ReplayCandidateStore(database=database("notifications")),
        replays=_replays(),
        current=_current(),
        progress=progress(),
        clock=clock,
        monotonic_s=time.monotonic,
    )


@kept
def discard() -> Callable[[discarding.DiscardFailure], None]:
    return partial(
        discarding.discard,
        records=_records(),
        discards=DiscardStore(database=database("notifications")),
        progress=progress(),
        clock=clock,
    )


def _current() -> CurrentTemplates:
    """Of this moment: for each request anew."""
    return CurrentTemplates(catalog=templates(), compiled=compiled)


@kept
def _records() -> FailedRecordStore:
    return FailedRecordStore(database=database("notifications"))


@kept
def _replays() -> ReplayStore:
    return ReplayStore(database=database("notifications"))
