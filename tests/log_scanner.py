"""Reads logs as somebody would who is not meant to: whatever they give away about people, or lets anybody in."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

FUNCTION_LOGS = frozenset({"front", "emulator"})
"""What the functions write; the emulator around them has a few lines of its own, and tells of errors as Lambda does."""

OF_THE_EMULATOR = re.compile(
    r"front ready: |control interface: |\[[0-9-]+ [0-9:]+ \+0000\] \[[0-9]+\] \[[A-Z]+\] "
    r"|[0-9a-f-]{36} Task timed out after "
    r"|\[ERROR\] |the client of a late function is gone: |[0-9:,. -]+ (INFO|WARNING|ERROR) "
)
CONSTANT = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

TELLTALES: Mapping[str, re.Pattern[str]] = {
    "an e-mail address": re.compile(r"[\w.+'-]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}", re.IGNORECASE),
    "a JWT": re.compile(r"eyJ[\w-]{8,}"),
    "a bearer token": re.compile(r"bearer\s+[\w.-]{8,}", re.IGNORECASE),
    "a device token": re.compile(r"\bdevice-[0-9a-f]{32}\b|:APA91b[\w-]{20,}"),
    "a refresh token": re.compile(r"[\w-]{16,}\.[\w-]{40,}"),
    "a random secret": re.compile(
        r"(?<![\w/+-])(?!rabbitmq-cluster-id-)(?=[\w-]{0,99}[A-Z])(?=[\w-]{0,99}[a-z])(?=[\w-]{0,99}[0-9])[\w-]{40,}(?![\w-])"
    ),
    "a private key": re.compile(r"BEGIN [A-Z ]*PRIVATE KEY"),
    "a password in a URL": re.compile(r"[a-z]+://[^\s:/@\"]*:[^\s:/@\"*]+@", re.IGNORECASE),
    "a field of a body": re.compile(
        r"\\?\"(password|client_secret|refresh_token|access_token|recipient|device_tokens?|variables|subject|html"
        r"|contents|email|address|token|body|authorization)\\?\"\s*:",
        re.IGNORECASE,
    ),
}


@dataclass(frozen=True, slots=True)
class Leak:
    """One thing that a line should not hold. What it was is told only as far as needed to find it."""

    where: str
    what: str
    excerpt: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}: {self.excerpt}"


def scan(folder: Path, *, secrets: Mapping[str, str]) -> list[Leak]:
    """Every leak in the logs of a folder; `secrets` are words that must be nowhere, by what they are."""
    return [leak for file in sorted(folder.glob("**/*")) if file.is_file() for leak in scan_file(file, secrets=secrets)]


def scan_file(file: Path, *, secrets: Mapping[str, str]) -> Iterator[Leak]:
    """The leaks of one log, line by line."""
    lines = file.read_bytes().decode(errors="replace").split("\n")
    for number, line in enumerate(lines, start=1):
        where = f"{file.name}:{number}"
        yield from _telltales(line, where)
        yield from (Leak(where, what, "…") for what, secret in secrets.items() if secret in line)
        if file.stem in FUNCTION_LOGS and (flaw := flaw_of(line)):
            yield Leak(where, flaw, line[:120])


def flaw_of(line: str) -> str | None:
    """What is wrong with the form of a function's log line: each is JSON, with a message that is always the same."""
    if not line.strip() or OF_THE_EMULATOR.match(line):
        return None
    try:
        parsed = json.loads(line)
    except ValueError:
        return "no JSON"
    if not isinstance(parsed, dict):
        return "no JSON object"
    if "_aws" in parsed:
        return None
    message = parsed.get("message")
    return None if isinstance(message, str) and CONSTANT.fullmatch(message) else "a message that is no constant"


def _telltales(line: str, where: str) -> Iterator[Leak]:
    for what, pattern in TELLTALES.items():
        if found := pattern.search(line):
            around = line[max(0, found.start() - 40) : found.start() + 12]
            yield Leak(where, what, f"{around}…")
