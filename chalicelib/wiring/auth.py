"""Who may come in: people in their sessions, and API clients."""

import time
from collections.abc import Callable, Mapping
from functools import partial

from chalicelib.domain.client import RegisteredClient
from chalicelib.domain.principal import Principal
from chalicelib.domain.rate import Rate
from chalicelib.security.keys import KeyRing
from chalicelib.security.tokens import AccessTokens
from chalicelib.security.verifier import RememberedStates, Verifier
from chalicelib.services import create_client as creating
from chalicelib.services import list_clients as listing
from chalicelib.services import log_in as logging_in
from chalicelib.services import refresh_session as refreshing
from chalicelib.services import revoke_client as revoking
from chalicelib.services import rotate_client as rotating
from chalicelib.services.authenticate_client import AccessToken
from chalicelib.services.authenticate_client import authenticate_client as authenticate
from chalicelib.services.log_out import log_out as logging_out
from chalicelib.stores.accounts import AccountStore
from chalicelib.stores.clients import ClientStore
from chalicelib.stores.login_attempts import RedisLoginAttempts
from chalicelib.stores.sessions import SessionStore
from chalicelib.wiring.environment import clock, database, read_database, redis_cache, settings
from chalicelib.wiring.kept import kept


@kept
def _keys() -> KeyRing:
    return KeyRing.parse(settings().reveal("jwt_private_keys"))


@kept
def access_tokens() -> AccessTokens:
    """Issues tokens. Whoever verifies one takes `verifier()`."""
    return AccessTokens(keys=_keys(), issuer=settings().jwt_issuer, audience=settings().jwt_audience)


@kept
def public_keys() -> Mapping[str, str]:
    return _keys().public_keys


@kept
def sessions() -> SessionStore:
    return SessionStore(cache=redis_cache())


@kept
def _clients() -> ClientStore:
    """On the primary: a replica may not know yet that a client was revoked."""
    return ClientStore(database=database("users"))


@kept
def verifier() -> Verifier:
    states = RememberedStates(states=_clients(), monotonic_s=time.monotonic)
    return Verifier(tokens=access_tokens(), sessions=sessions(), clients=states)


@kept
def log_in() -> Callable[[logging_in.LogIn], logging_in.SessionTokens]:
    from chalicelib.security.passwords import is_password  # noqa: PLC0415  only a password pays for bcrypt

    return partial(
        logging_in.log_in,
        accounts=AccountStore(database=database("users")),
        sessions=sessions(),
        attempts=RedisLoginAttempts(cache=redis_cache()),
        rates=logging_in.LoginRates(
            per_account=Rate.parse(settings().rate_limit_login_account),
            per_network=Rate.parse(settings().rate_limit_login_ip),
        ),
        is_password=is_password,
        tokens=access_tokens(),
        clock=clock,
    )


@kept
def refresh_session() -> Callable[[str], logging_in.SessionTokens]:
    accounts = AccountStore(database=database("users"))
    return partial(
        refreshing.refresh_session, sessions=sessions(), accounts=accounts, tokens=access_tokens(), clock=clock
    )


@kept
def log_out() -> Callable[[Principal], None]:
    return partial(logging_out, sessions=sessions())


@kept
def authenticate_client() -> Callable[[str, str], AccessToken]:
    return partial(authenticate, clients=_clients(), tokens=access_tokens(), clock=clock)


@kept
def create_client() -> Callable[[creating.CreateClient], creating.ClientWithSecret]:
    return partial(creating.create_client, clients=_clients(), clock=clock)


@kept
def list_clients() -> partial[listing.ClientPage]:
    return partial(listing.list_clients, clients=ClientStore(database=read_database("users")))


@kept
def find_client() -> Callable[[str], RegisteredClient]:
    return partial(listing.find_client, clients=_clients())


@kept
def rotate_client() -> partial[creating.ClientWithSecret]:
    return partial(rotating.rotate_client, clients=_clients(), clock=clock)


@kept
def revoke_client() -> partial[None]:
    return partial(revoking.revoke_client, clients=_clients(), clock=clock)
