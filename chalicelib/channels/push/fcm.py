"""Sends pushes through Firebase Cloud Messaging with firebase-admin's own client.

Importing this module costs some 300 ms: only the function that delivers pushes may.
"""

import json
from uuid import uuid4

import firebase_admin  # type: ignore[import-untyped]
import requests
from firebase_admin import credentials, exceptions, messaging
from google.auth.exceptions import GoogleAuthError

from chalicelib.channels.base import Deadline, Outgoing, Receipt
from chalicelib.channels.deadline import within
from chalicelib.channels.push.access_token import ServiceAccount, SharedAccessToken
from chalicelib.channels.push.endpoint import point_at
from chalicelib.channels.push.fcm_errors import translate
from chalicelib.channels.push.fcm_message import compose
from chalicelib.channels.push.http_pool import DeadlineAdapter
from chalicelib.domain.content import RenderedPush
from chalicelib.domain.recipient import PushTarget
from chalicelib.errors import InvalidSettings, ProviderUnavailable

PROVIDER_NAME = "fcm"


class FcmProvider:
    """One Firebase project. Keeps as many connections as `connections`, shared by all threads."""

    def __init__(
        self,
        *,
        project_id: str,
        credentials_json: str,
        timeout_s: float,
        connections: int,
        endpoint: str | None = None,
    ) -> None:
        """Connects to nothing. `endpoint` is for the double alone.

        Raises:
            InvalidSettings: the credentials are no service account's.
        """
        self.name = PROVIDER_NAME
        self._timeout_s = timeout_s
        self._token_session = _session(DeadlineAdapter(connections=1), direct=endpoint is not None)
        try:
            account = credentials.Certificate(json.loads(credentials_json)).get_credential()
        except ValueError as error:
            raise InvalidSettings("FCM_CREDENTIALS must be a service account's JSON key") from error
        self._app = firebase_admin.initialize_app(
            ServiceAccount(SharedAccessToken(account, session=self._token_session)),
            {"projectId": project_id, "httpTimeout": timeout_s},
            name=f"{PROVIDER_NAME}-{uuid4()}",
        )
        service = messaging._get_messaging_service(self._app)  # noqa: SLF001 -- its pool would sleep and repeat by itself
        self._http = service._client.session  # noqa: SLF001
        self._http._max_refresh_attempts = 1  # noqa: SLF001 -- a wrong key of APNs answers 401 too, to every message
        adapter = DeadlineAdapter(connections=connections)
        for prefix in ("https://", "http://", "https://fcm.googleapis.com"):
            self._http.mount(prefix, adapter)
        if endpoint:
            point_at(service, endpoint, project_id)

    def send(self, outgoing: Outgoing, *, deadline: Deadline) -> Receipt:
        """Hand one message to FCM; end by `deadline` and within the provider's own timeout.

        Raises:
            DeliveryError: of the class that `fcm_errors` decides.
        """
        if not isinstance(outgoing.target, PushTarget) or not isinstance(outgoing.content, RenderedPush):
            raise TypeError("only a push with a push's target goes through FCM")
        if not deadline.remaining_s:
            raise ProviderUnavailable("the deadline passed before the message was sent", provider=self.name)
        message = compose(outgoing, outgoing.target, outgoing.content)
        with within(deadline), within(Deadline.after(self._timeout_s)):
            try:
                return Receipt(self.name, messaging.send(message, app=self._app))
            except (exceptions.FirebaseError, GoogleAuthError, ValueError, KeyError, TypeError) as error:
                raise translate(error, token=outgoing.target.token, provider=self.name) from error

    def close(self) -> None:
        """Close every connection; the provider cannot be used any more."""
        self._http.close()
        self._token_session.close()
        firebase_admin.delete_app(self._app)


def _session(adapter: DeadlineAdapter, *, direct: bool) -> requests.Session:
    session = requests.Session()
    session.trust_env = not direct
    for prefix in ("https://", "http://"):
        session.mount(prefix, adapter)
    return session
