"""What the documented errors of Amazon SES mean."""

import re

import pytest
from botocore import exceptions  # type: ignore[import-untyped]

from chalicelib.channels.email.ses_errors import TABLE, translate
from chalicelib.errors import (
    AddressRejected,
    DeliveryError,
    MessageRefused,
    OutcomeUnknown,
    ProviderMisconfigured,
    ProviderThrottled,
    ProviderUnavailable,
)

NOT_VERIFIED = (
    "Email address is not verified. The following identities failed the check in region EU-WEST-1: a@x.example"
)

ANSWERS: list[tuple[int, str, str, type[DeliveryError]]] = [
    (400, "Throttling", "Maximum sending rate exceeded.", ProviderThrottled),
    (400, "Throttling", "Daily message quota exceeded.", ProviderThrottled),
    (400, "ThrottlingException", "Rate exceeded", ProviderThrottled),
    (429, "TooManyRequestsException", "Too many requests", ProviderThrottled),
    (400, "AccountSendingPausedException", "Sending is paused for this account", ProviderMisconfigured),
    (400, "ConfigurationSetSendingPausedException", "paused", ProviderMisconfigured),
    (400, "ConfigurationSetDoesNotExist", "it does not exist", ProviderMisconfigured),
    (400, "ProductionAccessNotGranted", "still in the sandbox", ProviderMisconfigured),
    (400, "MailFromDomainNotVerifiedException", "no MX record", ProviderMisconfigured),
    (400, "FromEmailAddressNotVerified", "not verified", ProviderMisconfigured),
    (400, "MessageRejected", NOT_VERIFIED, ProviderMisconfigured),
    (400, "MessageRejected", "Sending paused for this account.", ProviderMisconfigured),
    (403, "AccessDenied", "not authorized to perform ses:SendRawEmail", ProviderMisconfigured),
    (400, "AccessDeniedException", "You do not have sufficient access", ProviderMisconfigured),
    (403, "InvalidClientTokenId", "The security token included in the request is invalid.", ProviderMisconfigured),
    (403, "ExpiredToken", "The security token included in the request is expired", ProviderMisconfigured),
    (403, "OptInRequired", "needs a subscription", ProviderMisconfigured),
    (403, "SignatureDoesNotMatch", "does not match", ProviderMisconfigured),
    (400, "IncompleteSignature", "does not conform", ProviderMisconfigured),
    (403, "MissingAuthenticationToken", "missing", ProviderMisconfigured),
    (400, "RequestExpired", "more than 15 minutes after the date stamp", ProviderMisconfigured),
    (400, "MessageRejected", "Address is on the suppression list", AddressRejected),
    (400, "InvalidParameterValue", "Missing final '@domain'", AddressRejected),
    (400, "InvalidParameterValue", "Domain contains illegal character", AddressRejected),
    (400, "InvalidParameterValue", "Local address contains control or whitespace", AddressRejected),
    (400, "InvalidParameterValue", "Duplicate header 'Subject'.", MessageRefused),
    (400, "MessageRejected", "The message contains a virus", MessageRefused),
    (400, "ValidationError", "Message length is more than 10485760 bytes long", MessageRefused),
    (413, "RequestEntityTooLargeException", "too large", MessageRefused),
    (503, "ServiceUnavailable", "a temporary failure of the server", ProviderUnavailable),
    (500, "InternalFailure", "an unknown error", ProviderUnavailable),
    (502, "502", "Bad Gateway", ProviderUnavailable),
    (504, "504", "Gateway Timeout", OutcomeUnknown),
    (429, "429", "Too Many Requests", ProviderThrottled),
    (500, "NeverHeardOf", "?", ProviderUnavailable),
    (400, "NeverHeardOf", "?", ProviderMisconfigured),
]


def answer(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> DeliveryError:
    response = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers or {}},
    }
    return translate(exceptions.ClientError(response, "SendRawEmail"), provider="ses")


@pytest.mark.parametrize(("status", "code", "message", "expected"), ANSWERS)
def test_an_answer_is_judged_by_its_code_and_its_words(
    status: int, code: str, message: str, expected: type[DeliveryError]
) -> None:
    failure = answer(status, code, message)
    assert type(failure) is expected
    assert (failure.provider, failure.provider_code) == ("ses", code)


@pytest.mark.parametrize("line", TABLE, ids=lambda line: line[0].pattern)
def test_every_line_of_the_table_decides_an_answer(line: tuple[re.Pattern[str], type[DeliveryError]]) -> None:
    decided = [
        next((each for each in TABLE if each[0].match(f"{code} {words}")), None) for _, code, words, _ in ANSWERS
    ]
    assert line in decided


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (exceptions.NoCredentialsError(), ProviderMisconfigured),
        (exceptions.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"), ProviderMisconfigured),
        (exceptions.ProfileNotFound(profile="x"), ProviderMisconfigured),
        (exceptions.CredentialRetrievalError(provider="container", error_msg="timeout"), ProviderUnavailable),
        (exceptions.EndpointConnectionError(endpoint_url="x"), ProviderUnavailable),
        (exceptions.ConnectTimeoutError(endpoint_url="x"), ProviderUnavailable),
        (exceptions.ProxyConnectionError(proxy_url="x"), ProviderUnavailable),
        (exceptions.SSLError(endpoint_url="x", error=OSError("eof")), OutcomeUnknown),
        (exceptions.ReadTimeoutError(endpoint_url="x"), OutcomeUnknown),
        (exceptions.ConnectionClosedError(endpoint_url="x"), OutcomeUnknown),
        (exceptions.HTTPClientError(error="x"), OutcomeUnknown),
        (exceptions.ParamValidationError(report="x"), MessageRefused),
    ],
)
def test_errors_without_an_answer_say_whether_the_mail_can_have_been_taken(
    error: Exception, expected: type[DeliveryError]
) -> None:
    assert type(translate(error, provider="ses")) is expected


def test_a_wish_to_wait_is_kept_when_it_is_a_number() -> None:
    for wish, seconds in (("17", 17.0), ("soon", None)):
        failure = answer(503, "ServiceUnavailable", "later", {"retry-after": wish})
        assert isinstance(failure, ProviderUnavailable)
        assert failure.retry_after_s == seconds


def test_no_detail_shows_an_address() -> None:
    assert "a@x.example" not in answer(400, "MessageRejected", NOT_VERIFIED).detail
