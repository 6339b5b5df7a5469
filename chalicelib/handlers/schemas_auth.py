"""Bodies and answers of /v1/auth, and the public keys."""

from typing import Annotated, Literal

from pydantic import Field

from chalicelib.handlers.answers import ResourceModel
from chalicelib.handlers.fields import Email
from chalicelib.handlers.request import RequestModel
from chalicelib.services.authenticate_client import AccessToken
from chalicelib.services.log_in import LogIn, SessionTokens

_TOKEN = "eyJhbGciOiJFZERTQSIsImtpZCI6IjIwMjYtMTEifQ.eyJzdWIiOiIuLi4ifQ.c2lnbmF0dXJl"  # noqa: S105  an example
_REFRESH_TOKEN = "0bX4vQmZt7yJ1cN8sLwE2g.Yk3T9uVhQ5rP0xGmB7nKdF1aZ6wCjS4eRiLoU8qXyHt"  # noqa: S105  an example
_LIFETIME_S = 900

Credential = Annotated[str, Field(min_length=1, max_length=256)]


class ClientCredentialsBody(RequestModel):
    """What an API client was given when it was made."""

    client_id: Credential = Field(examples=["0192d3f0-0000-7000-8000-000000000001"])
    client_secret: Credential = Field(repr=False, examples=["w4vN2s8Jq0Lk6TzXbR1yPcD5hGmAeUfV9iOoQ3jKrZs"])


class LoginBody(RequestModel):
    """A person's credentials. A password that is too long to be anybody's is a wrong one."""

    email: Email
    password: Annotated[str, Field(min_length=1, max_length=4096, repr=False, examples=["correct horse battery"])]

    def command(self, *, network: str) -> LogIn:
        return LogIn(email=self.email, password=self.password, network=network)


class RefreshBody(RequestModel):
    """The refresh token of the last answer; each is good once."""

    refresh_token: Annotated[str, Field(min_length=1, max_length=256, repr=False, examples=[_REFRESH_TOKEN])]


class AccessTokenAnswer(ResourceModel):
    """An access token; `expires_in` is in seconds."""

    access_token: Annotated[str, Field(examples=[_TOKEN])]
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  how it is borne
    expires_in: Annotated[int, Field(examples=[_LIFETIME_S])]

    @classmethod
    def of(cls, token: AccessToken) -> "AccessTokenAnswer":
        return cls(access_token=token.text, expires_in=token.expires_in_s)


class SessionTokensAnswer(ResourceModel):
    """A session's access token, and the token that fetches the next pair."""

    access_token: Annotated[str, Field(examples=[_TOKEN])]
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  how it is borne
    expires_in: Annotated[int, Field(examples=[_LIFETIME_S])]
    refresh_token: Annotated[str, Field(examples=[_REFRESH_TOKEN])]

    @classmethod
    def of(cls, tokens: SessionTokens) -> "SessionTokensAnswer":
        access = tokens.access
        return cls(access_token=access.text, expires_in=access.expires_in_s, refresh_token=tokens.refresh.text)


class PublicKey(ResourceModel):
    """One Ed25519 key (RFC 8037)."""

    kty: Literal["OKP"] = "OKP"
    crv: Literal["Ed25519"] = "Ed25519"
    x: Annotated[str, Field(examples=["11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"])]
    kid: Annotated[str, Field(examples=["2026-11"])]
    alg: Literal["EdDSA"] = "EdDSA"
    use: Literal["sig"] = "sig"


class KeySet(ResourceModel):
    """Every key whose signature holds (RFC 7517)."""

    keys: list[PublicKey]
