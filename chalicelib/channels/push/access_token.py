"""The OAuth 2 access token of a service account, fetched once for all threads and within a send's deadline."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from firebase_admin import credentials  # type: ignore[import-untyped]
from google.auth.credentials import Credentials
from google.auth.exceptions import TransportError
from google.auth.transport import Request as AnyRequest
from google.auth.transport.requests import Request
from requests import Session

from chalicelib.channels.deadline import remaining_s


class SharedAccessToken(Credentials):
    """Refreshes on its own session; threads that find the token stale at the same time wait for one refresh."""

    def __init__(self, source: Credentials, *, session: Session) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._source = source
        self._fetch = Request(session)
        self._lock = threading.Lock()

    def refresh(self, request: AnyRequest) -> None:  # noqa: ARG002 -- the caller's own session knows no deadline
        """Raises: GoogleAuthError, of which `retryable` and TransportError tell that the account is not at fault."""
        seen = self.token
        with self._turn():
            if self.token == seen:
                self._source.refresh(self._fetch)  # type: ignore[no-untyped-call]
                self.token, self.expiry = self._source.token, self._source.expiry

    @contextmanager
    def _turn(self) -> Iterator[None]:
        try:
            taken = self._lock.acquire(timeout=remaining_s())
        except TimeoutError:
            taken = False
        if not taken:
            raise TransportError("the deadline passed before the token came")  # type: ignore[no-untyped-call]
        try:
            yield
        finally:
            self._lock.release()


class ServiceAccount(credentials.Base):  # type: ignore[misc]
    """What firebase-admin asks for a credential."""

    def __init__(self, token: SharedAccessToken) -> None:
        self._token = token

    def get_credential(self) -> Credentials:
        return self._token
