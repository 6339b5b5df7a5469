"""Bodies of /v1/auth."""

from typing import Annotated

from pydantic import Field

from chalicelib.handlers.request import RequestModel

Credential = Annotated[str, Field(min_length=1, max_length=256)]


class ClientCredentialsBody(RequestModel):
    client_id: Credential
    client_secret: Credential = Field(repr=False)
