"""The clients' own record: a line before each post and one for its answer, written as they happen."""

import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.chaos.mix import Json, Request
from tests.chaos.records import Kind, Post, Promise


class Journal:
    """A file of JSON lines; any thread may write. A run that is killed leaves what was answered until then."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file.open("w", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self._file.close()

    def begin(self, correlation_id: str, request: Request) -> None:
        """Note that this is about to be posted under this correlation id, which no other post has."""
        self._write({"post": correlation_id, "kind": request.kind, "key": request.key})

    def answer(self, correlation_id: str, status: int | None, body: Json) -> None:
        """Note what came back; `status` is None when the connection ended without an answer."""
        self._write({"answer": correlation_id, "status": status, "body": body if status == 202 else None})

    def _write(self, line: Json) -> None:
        text = json.dumps({"at": datetime.now(UTC).isoformat(), **line})
        with self._lock:
            self._file.write(text + "\n")


def read_journal(file: Path) -> Sequence[Post]:
    """Every post, with its answer if there was one."""
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    answers = {line["answer"]: line for line in lines if "answer" in line}
    return [_post(line, answers.get(line["post"])) for line in lines if "post" in line]


def _post(line: Json, answer: Json | None) -> Post:
    return Post(
        correlation_id=line["post"],
        kind=Kind(line["kind"]),
        key=line["key"],
        began_at=datetime.fromisoformat(line["at"]),
        status=None if answer is None else answer["status"],
        promise=None if answer is None or answer["body"] is None else _promise(answer["body"]),
    )


def _promise(body: Json) -> Promise:
    return Promise(body["notification_id"], {each["delivery_id"]: each["status"] for each in body["deliveries"]})
