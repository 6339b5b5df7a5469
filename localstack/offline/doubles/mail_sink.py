"""An SMTP server that keeps every mail and delivers none, with a web page and JSON over HTTP.

    python -m offline.doubles.mail_sink --smtp-port 1025 --http-port 8025

Recipients can be scripted by their address: see mail_scripts; how the sink itself fares, by its mood: see moods.
Mails are kept in memory, the latest `--keep` of them.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass

from offline.doubles.bounded_log import DEFAULT_KEEP, BoundedLog
from offline.doubles.mail_smtp import Mailbox, SmtpSession
from offline.doubles.mail_web import mail_web
from offline.doubles.serving import http_server, running_in_thread, serve_until_signalled

DEFAULT_SLOW_S = 2.0
DEFAULT_HOLD_S = 10.0


@dataclass(frozen=True, slots=True)
class RunningMailSink:
    """Where a sink listens."""

    host: str
    smtp_port: int
    http_port: int

    @property
    def smtp_url(self) -> str:
        """For mail clients."""
        return f"smtp://{self.host}:{self.smtp_port}"

    @property
    def http_url(self) -> str:
        """The page; JSON at /messages."""
        return f"http://{self.host}:{self.http_port}"


@asynccontextmanager
async def mail_sink(
    *, host: str = "127.0.0.1", smtp_port: int = 0, http_port: int = 0, slow_s: float = DEFAULT_SLOW_S,
    hold_s: float = DEFAULT_HOLD_S, keep: int = DEFAULT_KEEP,
) -> AsyncIterator[RunningMailSink]:  # fmt: skip
    """A sink in the running event loop; port 0 takes a free one. Raises: OSError when a port is taken."""
    mailbox = Mailbox(slow_s=slow_s, hold_s=hold_s, mails=BoundedLog(keep=keep))
    loop = asyncio.get_running_loop()
    smtp = await loop.create_server(lambda: SmtpSession(mailbox), host, smtp_port, backlog=512)
    try:
        async with http_server(mail_web(mailbox), host=host, port=http_port) as bound_http_port:
            yield RunningMailSink(host, smtp.sockets[0].getsockname()[1], bound_http_port)
    finally:
        smtp.close()
        for session in list(mailbox.sessions):
            session.abort()
        await smtp.wait_closed()


def running_mail_sink(
    *, slow_s: float = DEFAULT_SLOW_S, hold_s: float = DEFAULT_HOLD_S, keep: int = DEFAULT_KEEP, smtp_port: int = 0,
    http_port: int = 0,
) -> AbstractContextManager[RunningMailSink]:  # fmt: skip
    """A sink in a thread, on free ports of loopback, while the `with` block lasts."""
    return running_in_thread(
        mail_sink(slow_s=slow_s, hold_s=hold_s, keep=keep, smtp_port=smtp_port, http_port=http_port)
    )


def main() -> None:
    """Serves until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m offline.doubles.mail_sink", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--smtp-port", type=int, default=1025)
    parser.add_argument("--http-port", type=int, default=8025)
    parser.add_argument("--slow-s", type=float, default=DEFAULT_SLOW_S, help="delay of slow- recipients")
    parser.add_argument("--hold-s", type=float, default=DEFAULT_HOLD_S, help="how long poison- recipients are held")
    parser.add_argument("--keep", type=int, default=DEFAULT_KEEP, help="how many mails are kept")
    serve_until_signalled(
        mail_sink(**vars(parser.parse_args())),
        ready_line=lambda sink: f"mail sink ready: {sink.smtp_url} {sink.http_url}",
    )


if __name__ == "__main__":
    main()
