"""Who may call a route. Each route says it where it is declared; a route that says nothing does not exist."""

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.domain.principal import Principal, Scope
from chalicelib.errors import Forbidden, NotFound

ME = "me"
PERSON = "user_id"


@dataclass(frozen=True, slots=True)
class Access:
    """The rule of one route.

    Without `needs_token` anybody may call it, whatever token they bring. With a scope, whoever has it; with `or_own`,
    also a person without it, for what is their own: the person that the path names in `{user_id}`, or, on a route
    without that segment, whatever the view narrows to `request.only_own`. With neither, any person in a session.
    """

    needs_token: bool = True
    scope: Scope | None = None
    or_own: bool = False


PUBLIC = Access(needs_token=False)
SESSION = Access()


def needs(scope: Scope, *, or_own: bool = False) -> Access:
    """A token with this scope; with `or_own`, also a person's token for what is theirs."""
    return Access(scope=scope, or_own=or_own)


def require_access(access: Access, caller: Principal, segments: Mapping[str, str | None]) -> None:
    """Let in whom the rule lets in.

    Raises:
        Forbidden: the token lacks the scope, or the resource is another person's.
    """
    if access.scope is None:
        if caller.user_id is None:
            raise Forbidden("This is for a person's own session.", code="insufficient_scope")
        return
    if caller.may(access.scope):
        return
    if not access.or_own or caller.user_id is None:
        raise Forbidden(f"The access token lacks the scope {access.scope}.", code="insufficient_scope")
    named = segments.get(PERSON)
    if named is not None and named.lower() not in (ME, str(caller.user_id)):
        raise Forbidden("This belongs to somebody else.", code="not_yours")


def resolve_me(caller: Principal | None, segments: Mapping[str, str | None]) -> Mapping[str, str | None]:
    """The path's parameters, with the caller in place of `me`.

    Raises:
        NotFound: an API client is nobody's self.
    """
    if segments.get(PERSON) != ME:
        return segments
    if caller is None or caller.user_id is None:
        raise NotFound("There is no such resource.")
    return {**segments, PERSON: str(caller.user_id)}
