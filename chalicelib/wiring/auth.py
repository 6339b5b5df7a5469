"""Who may come in: tokens and API clients."""

from collections.abc import Callable
from functools import cache, partial

from chalicelib.security.keys import KeyRing
from chalicelib.security.tokens import AccessTokens
from chalicelib.services.authenticate_client import AccessToken
from chalicelib.services.authenticate_client import authenticate_client as authenticate
from chalicelib.stores.clients import ClientStore
from chalicelib.wiring.environment import clock, database, settings


@cache
def access_tokens() -> AccessTokens:
    keys = KeyRing.parse(settings().jwt_private_keys.get_secret_value())
    return AccessTokens(keys=keys, issuer=settings().jwt_issuer, audience=settings().jwt_audience)


@cache
def authenticate_client() -> Callable[[str, str], AccessToken]:
    return partial(authenticate, clients=ClientStore(database=database("users")), tokens=access_tokens(), clock=clock)
