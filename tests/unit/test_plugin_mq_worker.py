"""The life of a mapping that never gets to its broker."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from carillon_localstack.mq_request import MappingSettings
from carillon_localstack.mq_worker import MqWorker
from offline.emulator.errors import SourceUnusable
from offline.emulator.mapping import Mapping
from tests.integration.emulator.workbench import eventually

SETTINGS = MappingSettings(
    uuid="id",
    function_arn="arn",
    broker_arn="arn",
    queue="queue",
    virtual_host="/",
    secret_arn="arn",
    batch_size=1,
    window_s=0,
    filter_criteria=None,
)


@dataclass
class Broken:
    """Opens nothing: raises what it is told, when it is let go on."""

    error: Exception
    may_answer: threading.Event = field(default_factory=threading.Event)
    asked: int = 0

    def open(self, _settings: MappingSettings) -> Mapping:
        self.asked += 1
        self.may_answer.wait(10)
        raise self.error


@pytest.fixture
def broken() -> Iterator[Broken]:
    broken = Broken(SourceUnusable(reason_code="ESM_CONFIG_NOT_VALID", detail="no secret"))
    yield broken
    broken.may_answer.set()


def _worker(broken: Broken, forgotten: threading.Event | None = None) -> MqWorker:
    return MqWorker(uuid="id", open_mapping=broken.open, forget=(forgotten or threading.Event()).set)


def test_a_new_mapping_is_creating_until_it_is_known_how_it_goes(broken: Broken) -> None:
    worker = _worker(broken)
    worker.create(SETTINGS, enabled=True)
    assert worker.current_state == "Creating"
    broken.may_answer.set()
    assert eventually(lambda: worker.current_state == "Disabled")
    assert worker.state_transition_reason == "ESM_CONFIG_NOT_VALID: no secret"
    assert not worker.enabled


def test_an_unforeseen_failure_is_a_reason_too(broken: Broken) -> None:
    broken.error = ZeroDivisionError()
    broken.may_answer.set()
    worker = _worker(broken)
    worker.create(SETTINGS, enabled=True)
    assert eventually(lambda: worker.current_state == "Disabled")
    assert worker.state_transition_reason == "INTERNAL_ERROR: ZeroDivisionError"


def test_a_mapping_that_is_not_enabled_opens_nothing(broken: Broken) -> None:
    worker = _worker(broken)
    worker.create(SETTINGS, enabled=False)
    assert (worker.current_state, worker.state_transition_reason) == ("Disabled", "USER_INITIATED")
    assert broken.asked == 0


def test_enabling_it_again_tries_again(broken: Broken) -> None:
    worker = _worker(broken)
    worker.create(SETTINGS, enabled=False)
    worker.update(SETTINGS, enabled=True)
    assert worker.current_state == "Enabling"
    broken.may_answer.set()
    assert eventually(lambda: worker.current_state == "Disabled")
    worker.update(SETTINGS, enabled=True)
    assert eventually(lambda: broken.asked == 2)


def test_a_deleted_mapping_is_forgotten(broken: Broken) -> None:
    broken.may_answer.set()
    forgotten = threading.Event()
    worker = _worker(broken, forgotten)
    worker.create(SETTINGS, enabled=True)
    worker.delete()
    assert forgotten.wait(10)
