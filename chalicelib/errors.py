"""Every error that Carillon raises on purpose, as one tree.

    CarillonError
    ├── RequestRefused             the caller can mend it; nothing was stored
    │   ├── MalformedRequest           the body is not JSON
    │   ├── BodyTooLarge               above the route's limit
    │   ├── UnsupportedMediaType       the body is not declared as JSON
    │   ├── InvalidRequest             well-formed, but breaks a rule of the route
    │   ├── Unauthenticated            no token, or one that does not hold
    │   ├── Forbidden                  a token without the scope, or another's resource
    │   ├── NotFound                   no such resource
    │   ├── MethodNotAllowed           the resource has no such method
    │   ├── Conflict                   the resource's state forbids it
    │   ├── RequestInProgress          the same idempotency key is being handled now
    │   ├── PreconditionFailed         the resource has changed since the caller read it
    │   └── TooManyRequests            the caller's rate is used up
    ├── DependencyUnavailable      a service of ours is away; trying again is right
    │   ├── DatabaseUnavailable
    │   ├── BrokerUnavailable
    │   ├── CacheUnavailable
    │   └── SecretUnavailable          and was never read by this environment
    ├── CircuitOpen                a dependency that failed too often is left alone for now
    ├── DeliveryError              a provider call, or the step before it, did not end in acceptance
    │   ├── PermanentFailure           the same call would fail again
    │   │   ├── AddressRejected            the provider does not take this address
    │   │   ├── DeviceGone                 the device's token is dead and must be forgotten
    │   │   ├── MessageRefused             the provider does not take this content
    │   │   └── RenderFailed               the template cannot be rendered with these variables
    │   └── TransientFailure           the same call may succeed later
    │       ├── ProviderUnavailable        it refused for now, or could not be reached
    │       │   ├── MessageDeferred            it works, and refused this message or recipient for now
    │       │   └── ProviderThrottled          it works, and takes no more from us for now
    │       ├── ProviderMisconfigured      our account or credentials are wrong
    │       │   └── PlatformMisconfigured      only for one platform of this provider
    │       ├── OutcomeUnknown             it may have accepted: the answer was lost
    │       └── ProvidersLeftAlone         every provider's circuit is open: nothing was tried
    │           └── ProvidersThrottled         or takes no more for now, by its own word or at our own rate
    ├── MalformedMessage           a queue message that no code of ours can read
    ├── InvalidTemplate            a template that does not compile or is not safe
    └── InvalidSettings            a setting is missing or malformed, or the secret that it names cannot be used

Whether a DeliveryError is retried is decided by class in `services/settle.py`, and nowhere else; which HTTP status a
RequestRefused becomes is decided by class in `handlers/http.py`, and nowhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class CarillonError(Exception):
    """The root: `except CarillonError` catches what was foreseen and nothing else."""

    code: ClassVar[str] = "internal_error"


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing wrong with a request: where (an RFC 6901 JSON pointer, or a parameter's name) and what."""

    pointer: str
    detail: str


class RequestRefused(CarillonError):
    """The caller's request breaks a rule; nothing was stored."""

    code = "invalid_request"

    def __init__(self, detail: str, *, code: str | None = None, flaws: Sequence[Flaw] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.problem_code = code or self.code
        self.flaws = tuple(flaws)


class MalformedRequest(RequestRefused):
    code = "malformed_json"


class BodyTooLarge(RequestRefused):
    code = "body_too_large"


class UnsupportedMediaType(RequestRefused):
    code = "unsupported_media_type"


class InvalidRequest(RequestRefused):
    code = "invalid_request"


class Unauthenticated(RequestRefused):
    code = "unauthenticated"


class Forbidden(RequestRefused):
    code = "forbidden"


class NotFound(RequestRefused):
    code = "not_found"


class MethodNotAllowed(RequestRefused):
    code = "method_not_allowed"


class Conflict(RequestRefused):
    code = "conflict"


class RequestInProgress(RequestRefused):
    code = "request_in_progress"

    def __init__(self, detail: str, *, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class PreconditionFailed(RequestRefused):
    code = "precondition_failed"


class TooManyRequests(RequestRefused):
    code = "too_many_requests"

    def __init__(self, detail: str, *, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class DependencyUnavailable(CarillonError):
    """A service that Carillon needs did not answer; the caller may try again after `retry_after_s`."""

    code = "unavailable"

    def __init__(self, detail: str = "", *, retry_after_s: int = 5) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class DatabaseUnavailable(DependencyUnavailable):
    code = "database_unavailable"


class BrokerUnavailable(DependencyUnavailable):
    code = "broker_unavailable"


class CacheUnavailable(DependencyUnavailable):
    code = "cache_unavailable"


class SecretUnavailable(DependencyUnavailable):
    code = "secret_unavailable"


class CircuitOpen(CarillonError):
    """Nobody calls `circuit` for another `retry_after_s`; the adapter that meets this says what it means there."""

    code = "circuit_open"

    def __init__(self, circuit: str, *, retry_after_s: float) -> None:
        super().__init__(f"the circuit of {circuit} is open")
        self.retry_after_s = retry_after_s


class DeliveryError(CarillonError):
    """Why one attempt did not end in a provider's acceptance.

    `reason` is the class's fixed word for statistics and filters; `detail` is for people and never holds an address,
    a token or a body; `provider` and `provider_code` are the provider's own name and answer, kept as given.
    """

    reason: ClassVar[str] = "delivery_failed"

    def __init__(self, detail: str, *, provider: str | None = None, provider_code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.provider = provider
        self.provider_code = provider_code


class PermanentFailure(DeliveryError):
    """The same call would fail again."""


class AddressRejected(PermanentFailure):
    reason = "address_rejected"


class DeviceGone(PermanentFailure):
    reason = "device_unregistered"


class MessageRefused(PermanentFailure):
    reason = "message_refused"


class RenderFailed(PermanentFailure):
    """`line` is 1-based, in the part that `detail` names, when it is known."""

    reason = "render_failed"

    def __init__(self, detail: str, *, line: int | None = None) -> None:
        super().__init__(detail)
        self.line = line


class TransientFailure(DeliveryError):
    """The same call may succeed later; `retry_after_s` is the provider's own wish, when it gave one."""

    reason = "provider_unavailable"

    def __init__(
        self,
        detail: str,
        *,
        provider: str | None = None,
        provider_code: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(detail, provider=provider, provider_code=provider_code)
        self.retry_after_s = retry_after_s


class ProviderUnavailable(TransientFailure):
    reason = "provider_unavailable"


class MessageDeferred(ProviderUnavailable):
    """A greylisted or throttled recipient: says nothing of how the provider fares."""


class ProviderThrottled(ProviderUnavailable):
    """It takes no more from our account for now, whatever the message: no attempt is counted."""

    reason = "throttled"


class ProviderMisconfigured(TransientFailure):
    reason = "provider_misconfigured"


class PlatformMisconfigured(ProviderMisconfigured):
    """The provider serves the other platforms all the same."""


class OutcomeUnknown(TransientFailure):
    """The provider may have accepted: a retry may be a duplicate, and not retrying may be a loss. Loss is worse."""

    reason = "outcome_unknown"


class ProvidersLeftAlone(TransientFailure):
    """No provider was called, so no attempt is counted; `retry_after_s` is when the first may be."""

    reason = "circuit_open"


class ProvidersThrottled(ProvidersLeftAlone):
    """At least one provider would be called, were its rate not used up."""

    reason = "throttled"


class MalformedMessage(CarillonError):
    code = "malformed_message"


class InvalidTemplate(CarillonError):
    """A template source that cannot be accepted; `line` is 1-based, when it is known."""

    code = "invalid_template"

    def __init__(self, detail: str, *, line: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.line = line


class InvalidSettings(CarillonError):
    code = "invalid_settings"
