"""A drill carries out its plan, writes down what took place, and undoes whatever it began."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from offline.stack.layout import Layout
from offline.stack.stack import Stack
from tests.chaos.drill import Drill
from tests.chaos.fault import World
from tests.chaos.plan import Planned
from tests.e2e.api import Client

NOWHERE = dict.fromkeys(("API_URL", "MAIL_URL", "FCM_URL", "CLIENT_ID", "CLIENT_SECRET"), "")


@dataclass(slots=True)
class Noted:
    """A fault that only notes what is asked of it, and fails on demand."""

    target: str
    kind: str = "noted"
    for_s: float = 0.0
    fails: bool = False
    took_effect_at: datetime | None = None
    began: threading.Event = field(default_factory=threading.Event)
    undone: bool = False

    def begin(self, world: World) -> datetime | None:
        self.began.set()
        if self.fails:
            raise OSError("it could not be broken")
        return self.took_effect_at

    def end(self, world: World) -> None:
        self.undone = True


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One without any life in it."""
    client = Client(NOWHERE)
    stack = Stack(layout=Layout(root=tmp_path), environment={}, say=lambda *_: None)
    yield World(stack, client, say=lambda _: None)
    client.close()


def test_every_fault_takes_place_and_is_written_down(world: World) -> None:
    drill = Drill(world)
    first, second, beside = Noted("first"), Noted("second"), Noted("beside")
    drill.carry_out({"one": [Planned(0, first), Planned(0, second)], "two": [Planned(0, beside)]})
    assert all(each.undone for each in (first, second, beside))
    assert {each.target for each in drill.incidents} == {"first", "second", "beside"}
    one = [each for each in drill.incidents if each.target != "beside"]
    assert [each.target for each in one] == ["first", "second"]
    assert one[0].began_at <= one[0].ended_at <= one[1].began_at


def test_an_incident_begins_when_the_fault_took_effect(world: World) -> None:
    moment = datetime.fromisoformat("2026-03-01T00:00:00Z")
    drill = Drill(world)
    drill.carry_out({"one": [Planned(0, Noted("late", took_effect_at=moment))]})
    assert [each.began_at for each in drill.incidents] == [moment]


def test_a_fault_that_cannot_be_done_breaks_the_drill_off_and_all_is_undone(world: World) -> None:
    failing, long, never = Noted("failing", fails=True), Noted("long", for_s=600), Noted("never")
    drill = Drill(world)
    with pytest.raises(OSError, match="could not be broken"):
        drill.carry_out({"one": [Planned(0, failing)], "two": [Planned(0, long), Planned(0.1, never)]})
    assert failing.undone
    assert long.undone == long.began.is_set()
    assert not never.began.is_set()
