"""Lambda handlers for the emulator's tests. `obey` tells the test of its invocation, and does what the test answers."""

import json
import os
import socket
import sys
import threading
import time
from typing import Any

Json = Any

_started_at_s = time.monotonic()
_longest_gap_s = 0.0
_thread_lock = threading.Lock()


def obey(event: Json, context: Json) -> Json:
    """Report to the socket in JOURNAL, wait for the order, carry it out."""
    with socket.socket(socket.AF_UNIX) as journal:
        journal.connect(os.environ["JOURNAL"])
        report = {"event": event, "pid": os.getpid(), "remaining_ms": context.get_remaining_time_in_millis()}
        journal.sendall(json.dumps(report).encode() + b"\n")
        with journal.makefile() as orders:
            order = json.loads(orders.readline() or '{"do": "return"}')
    return _carry_out(order)


def _carry_out(order: Json) -> Json:
    if order["do"] == "raise":
        raise RuntimeError(order["message"])
    if order["do"] == "exit":
        sys.exit(order["status"])
    if order["do"] == "hang":
        threading.Event().wait()
    return order.get("result")


def ignore(event: Json, context: Json) -> None:
    """Success, at once."""


def echo(event: Json, context: Json) -> Json:
    """The event, and what the context says."""
    return {
        "event": event,
        "request_id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "remaining_ms": context.get_remaining_time_in_millis(),
        "environ": dict(os.environ),
    }


def raises(event: Json, context: Json) -> None:
    """A failure."""
    raise ValueError("this handler always fails")


def not_json(event: Json, context: Json) -> object:
    """A result that cannot be told."""
    return object()


def beat(event: Json, context: Json) -> float:
    """Starts a thread that beats every millisecond; answers the longest gap so far between two beats, in seconds."""
    with _thread_lock:
        if threading.active_count() == 1:
            threading.Thread(target=_beat, daemon=True).start()
    return _longest_gap_s


def _beat() -> None:
    global _longest_gap_s  # noqa: PLW0603 - a stray thread's state is what this is about
    last_s = time.monotonic()
    while True:
        time.sleep(0.001)
        now_s = time.monotonic()
        _longest_gap_s = max(_longest_gap_s, now_s - last_s)
        last_s = now_s


def forks(event: Json, context: Json) -> int:
    """Leaves a process of its own behind; answers its id."""
    pid = os.fork()
    if pid == 0:
        threading.Event().wait()
    return pid
