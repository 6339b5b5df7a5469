"""What an answer of Amazon SES, or its silence, means for a delivery: the one place that decides it.

A line's pattern is tried on `code message`, such as `Throttling Maximum sending rate exceeded.`, without regard to
case; the first that fits decides, and what none fits is decided by the HTTP status.

Sources: Amazon SES API Reference (2010-12-01), "SendRawEmail" and "Common Errors"; Developer Guide, "Amazon SES email
sending errors" and "Errors related to the sending quotas".
"""

import re
import ssl
from collections.abc import Mapping

from botocore import exceptions  # type: ignore[import-untyped]

from chalicelib.channels.email.mailbox import one_line
from chalicelib.errors import (
    AddressRejected,
    DeliveryError,
    MessageRefused,
    OutcomeUnknown,
    ProviderMisconfigured,
    ProviderThrottled,
    ProviderUnavailable,
    TransientFailure,
)

MAX_DETAIL_CHARACTERS = 200

_ADDRESS = re.compile(r"\S*@\S*")


def _line(pattern: str, meaning: type[DeliveryError]) -> tuple[re.Pattern[str], type[DeliveryError]]:
    return re.compile(pattern, re.IGNORECASE), meaning


TABLE: tuple[tuple[re.Pattern[str], type[DeliveryError]], ...] = (
    # more than our account may send: in a second, or in a day
    _line(r"(Throttling|TooManyRequests|RequestLimitExceeded|LimitExceeded)(Exception)?\b", ProviderThrottled),
    # our account, identity or configuration set
    _line(
        r"(AccountSendingPaused|AccountSuspended|ConfigurationSetSendingPaused)(Exception)?\b", ProviderMisconfigured
    ),
    _line(r"(ConfigurationSetDoesNotExist|ProductionAccessNotGranted)(Exception)?\b", ProviderMisconfigured),
    _line(r"(MailFromDomainNotVerified|FromEmailAddressNotVerified)(Exception)?\b", ProviderMisconfigured),
    _line(r"MessageRejected\b.*(not verified|authority to send)", ProviderMisconfigured),  # or the account's sandbox
    _line(r"MessageRejected\b.*\b(paused|suspended|shut down)", ProviderMisconfigured),
    # our credentials, their rights, our clock
    _line(r"(AccessDenied|NotAuthorized|UnauthorizedOperation)(Exception)?\b", ProviderMisconfigured),
    _line(r"(InvalidClientTokenId|UnrecognizedClient|ExpiredToken|OptInRequired)(Exception)?\b", ProviderMisconfigured),
    _line(r"(SignatureDoesNotMatch|IncompleteSignature|InvalidSignature)(Exception)?\b", ProviderMisconfigured),
    _line(r"(MissingAuthenticationToken|RequestExpired)(Exception)?\b", ProviderMisconfigured),
    # the recipient, the message
    _line(r"MessageRejected\b.*(blacklist|suppress)", AddressRejected),
    _line(r"InvalidParameterValue\b.*(final '@|domain|local address|recipient|address)", AddressRejected),
    _line(r"(MessageRejected|InvalidParameterValue|InvalidParameter|ValidationError)\b", MessageRefused),
    _line(r"(RequestEntityTooLarge|MessageTooLong|413)", MessageRefused),
    # SES itself
    _line(r"(ServiceUnavailable|InternalFailure|InternalError|InternalServerError)(Exception)?\b", ProviderUnavailable),
    _line(r"(RequestTimeout|504)", OutcomeUnknown),  # the server behind the server may have taken it
    _line(r"429\b", ProviderThrottled),
    _line(r"5\d\d\b", ProviderUnavailable),  # a gateway's page
)

_UNREACHED = (
    exceptions.EndpointConnectionError,
    exceptions.ConnectTimeoutError,
    exceptions.ProxyConnectionError,
    exceptions.CredentialRetrievalError,
    exceptions.MetadataRetrievalError,
)
"""Nothing was sent: the endpoint, or the place where the credentials come from, could not be reached."""

_OURS = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.ProfileNotFound,
    exceptions.TokenRetrievalError,
    exceptions.SSOError,
    exceptions.InvalidConfigError,
)


def translate(error: Exception, *, provider: str) -> DeliveryError:
    """The delivery error that an error of botocore stands for. It never shows an address."""
    if isinstance(error, exceptions.ClientError):
        return _of_answer(error, provider)
    if isinstance(error, _OURS):
        return ProviderMisconfigured(f"no credentials ({type(error).__name__})", provider=provider)
    if isinstance(error, exceptions.SSLError) and _about_the_certificate(error):
        return ProviderMisconfigured("the server's certificate does not hold", provider=provider)
    if isinstance(error, _UNREACHED):
        return ProviderUnavailable(f"no connection ({type(error).__name__})", provider=provider)
    if isinstance(error, exceptions.ParamValidationError):
        return MessageRefused("not a message that SES takes", provider=provider)
    return OutcomeUnknown(f"the answer was lost ({type(error).__name__})", provider=provider)


def _of_answer(error: exceptions.ClientError, provider: str) -> DeliveryError:
    said: Mapping[str, str] = error.response.get("Error", {})
    about = error.response.get("ResponseMetadata", {})
    code, message = str(said.get("Code", "")), one_line(str(said.get("Message", "")))
    kind = _class_of(f"{code} {message}", int(about.get("HTTPStatusCode", 0)))
    detail = f"{code}: {_ADDRESS.sub('[address]', message)}"[:MAX_DETAIL_CHARACTERS]
    if issubclass(kind, TransientFailure):
        wish = str(about.get("HTTPHeaders", {}).get("retry-after", ""))
        wish_s = float(wish) if wish.isdecimal() else None
        return kind(detail, provider=provider, provider_code=code, retry_after_s=wish_s)
    return kind(detail, provider=provider, provider_code=code)


def _class_of(answer: str, http_status: int) -> type[DeliveryError]:
    """A refusal that nobody knows is kept for an operator: it may be of the account, and a retry costs little."""
    for pattern, meaning in TABLE:
        if pattern.match(answer):
            return meaning
    return ProviderUnavailable if http_status >= 500 else ProviderMisconfigured


def _about_the_certificate(error: exceptions.SSLError) -> bool:
    cause = error.kwargs.get("error")
    return bool(getattr(cause, "args", ())) and isinstance(cause.args[0], ssl.SSLCertVerificationError)
