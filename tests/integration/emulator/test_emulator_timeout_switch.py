"""A function's timeout can be switched off, for tests that want a worker to come back when its time is long over."""

import threading
from pathlib import Path

import pytest

from offline.emulator.config import EmulatorConfig, FunctionSpec
from offline.emulator.control import Control
from offline.emulator.emulator import Emulator
from offline.emulator.errors import FunctionTimeout
from offline.emulator.function import Function
from tests.integration.emulator.workbench import HANDLERS_FOLDER, Journal

TIMEOUT_S = 0.5


def test_with_the_switch_off_a_late_function_is_let_finish(journal: Journal) -> None:
    function = Function(
        name="under-test", spec=FunctionSpec(handler="handlers.obey", timeout_s=TIMEOUT_S, environment=journal.environ)
    )
    function.enforces_timeout = False
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(function.invoke(None)))
    thread.start()
    visit = journal.next()
    assert journal.stays_silent(for_s=2 * TIMEOUT_S)
    visit.succeed("late")
    thread.join()
    assert results == ["late"]
    assert 0 < visit.report["remaining_ms"] <= TIMEOUT_S * 1000
    function.enforces_timeout = True
    with pytest.raises(FunctionTimeout):
        function.invoke(None)
    function.close()


def test_the_switch_is_turned_and_shown_by_the_control_interface() -> None:
    spec = {"handler": "handlers.echo", "environment": {"PYTHONPATH": str(Path(HANDLERS_FOLDER))}}
    control = Control(Emulator(EmulatorConfig.model_validate({"functions": {"echo": spec}})))

    def put(name: str, body: bytes) -> int:
        return control.answer(method="PUT", path=f"/functions/{name}", body=body).status

    def shown() -> bool:
        return bool(control.answer(method="GET", path="/functions", body=b"").body[0]["enforce_timeout"])

    assert shown()
    assert put("echo", b'{"enforce_timeout": false}') == 200
    assert not shown()
    assert put("echo", b'{"enforce_timeout": "no"}') == 400
    assert put("nobody", b'{"enforce_timeout": false}') == 404
    assert not shown()
