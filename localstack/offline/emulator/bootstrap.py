"""The process inside an execution environment: imports one handler once, then answers one invocation at a time.

Started by `environment.py` as `python -m offline.emulator.bootstrap SOCKET_FD PARENT_PID MODULE.ATTRIBUTE`. It speaks
frames of `wire.py`: first `{"ready": true}` or an error, then for every invocation a result or an error. It dies with
its parent.
"""

import ctypes
import importlib
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from types import TracebackType

from offline.emulator.context import LambdaContext
from offline.emulator.wire import FrameReader, Json, StreamEnded, encode_frame

_PR_SET_PDEATHSIG = 1

Handler = Callable[[Json, LambdaContext], Json]


class MarshalError(Exception):
    """The handler's result is not JSON."""


def main(arguments: list[str]) -> None:
    """Serve until the parent closes the stream."""
    socket_fd, parent_pid, handler_name = int(arguments[0]), int(arguments[1]), arguments[2]
    _die_with_parent(parent_pid)
    for output in (sys.stdout, sys.stderr):  # many processes write to one log: a line is written at once, or mixed up
        output.reconfigure(line_buffering=True, write_through=False)  # type: ignore[union-attr]  # a text file
    with socket.socket(fileno=socket_fd) as stream:
        stream.set_inheritable(False)
        handler = _load_or_report(stream, handler_name)
        if handler is not None:
            _serve(stream, handler)


def _die_with_parent(parent_pid: int) -> None:
    """A frozen process cannot notice that its parent is gone, so on Linux the kernel is told to end it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        sys.exit(1)


def load_handler(handler_name: str) -> Handler:
    """The callable that `module.attribute` names. Raises AttributeError, ImportError and whatever the module raises."""
    module_name, _, attribute = handler_name.rpartition(".")
    handler: Handler = getattr(importlib.import_module(module_name), attribute)
    return handler


def _load_or_report(stream: socket.socket, handler_name: str) -> Handler | None:
    try:
        handler = load_handler(handler_name)
    except Exception as error:  # noqa: BLE001 - whatever a foreign module raises is reported, as Lambda does
        stream.sendall(_describe_failure(error, own_frames=1))
        return None
    stream.sendall(encode_frame({"ready": True}))
    return handler


def _serve(stream: socket.socket, handler: Handler) -> None:
    reader = FrameReader(stream)
    while True:
        try:
            request = reader.read()
        except StreamEnded:
            return
        answer = _answer(handler, request)
        sys.stdout.flush()
        sys.stderr.flush()
        stream.sendall(answer)


def _answer(handler: Handler, request: Json) -> bytes:
    context = LambdaContext(**request["context"])
    try:
        result = handler(request["event"], context)
    except Exception as error:  # noqa: BLE001 - whatever a foreign handler raises is the invocation's outcome
        return _describe_failure(error, own_frames=1)
    try:
        return encode_frame({"result": result})
    except (TypeError, ValueError) as error:
        marshalling = MarshalError(f"Unable to marshal response: {error}")
        return _describe_failure(marshalling, own_frames=0)


def _describe_failure(error: Exception, *, own_frames: int) -> bytes:
    stack = _skip(error.__traceback__, own_frames)
    frames = traceback.format_list(traceback.extract_tb(stack))
    told = "".join(traceback.format_exception(type(error), error, stack)).rstrip()
    # one line of the log, as Lambda's runtime writes it
    print(f"[ERROR] {told}".replace("\n", "\r"), file=sys.stderr, flush=True)
    error_type = "Runtime.MarshalError" if isinstance(error, MarshalError) else type(error).__name__
    description = {"errorType": error_type, "errorMessage": str(error), "stackTrace": frames}
    return encode_frame({"error": description})


def _skip(stack: TracebackType | None, frames: int) -> TracebackType | None:
    for _ in range(frames):
        stack = stack.tb_next if stack is not None else None
    return stack


if __name__ == "__main__":
    main(sys.argv[1:])
