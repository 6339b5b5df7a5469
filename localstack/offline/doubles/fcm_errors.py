"""FCM HTTP v1's error answers.

Shapes: "ErrorCode" and "REST error codes for the HTTP v1 API" in Firebase's reference, and google.rpc.Status.
"""

from dataclasses import dataclass
from typing import TypeAlias

Json: TypeAlias = dict[str, object]
FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


@dataclass(frozen=True, slots=True)
class FcmAnswer:
    """An error as it goes over the wire; `retry_after` says whether Retry-After is sent."""

    http_status: int
    status: str
    message: str
    details: tuple[Json, ...] = ()
    retry_after: bool = False

    def to_json(self) -> Json:
        """The documented body; details are left out when there are none, as Google does."""
        error: Json = {"code": self.http_status, "message": self.message, "status": self.status}
        return {"error": error | ({"details": list(self.details)} if self.details else {})}


def _fcm_error(http_status: int, status: str, error_code: str, message: str, *, retry_after: bool = False) -> FcmAnswer:
    return FcmAnswer(http_status, status, message, ({"@type": FCM_ERROR, "errorCode": error_code},), retry_after)


UNREGISTERED = _fcm_error(404, "NOT_FOUND", "UNREGISTERED", "Requested entity was not found.")
INVALID_TOKEN = _fcm_error(
    400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "The registration token is not a valid FCM registration token"
)
SENDER_ID_MISMATCH = _fcm_error(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH", "SenderId mismatch")
QUOTA_EXCEEDED = _fcm_error(
    429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", "Quota exceeded for this target.", retry_after=True
)
UNAVAILABLE = _fcm_error(503, "UNAVAILABLE", "UNAVAILABLE", "The service is currently unavailable.", retry_after=True)
INTERNAL = _fcm_error(500, "INTERNAL", "INTERNAL", "Internal error encountered.")
UNAUTHENTICATED = FcmAnswer(
    401, "UNAUTHENTICATED", "Request had invalid authentication credentials: an OAuth 2 access token is expected."
)


def invalid_field(field: str, description: str) -> FcmAnswer:
    """A request that breaks the schema at one field."""
    violation: Json = {"@type": BAD_REQUEST, "fieldViolations": [{"field": field, "description": description}]}
    return FcmAnswer(400, "INVALID_ARGUMENT", description, (violation,))


def invalid_message(field: str, description: str) -> FcmAnswer:
    """A message that fits the schema and that FCM refuses all the same."""
    violation: Json = {"@type": BAD_REQUEST, "fieldViolations": [{"field": field, "description": description}]}
    fcm_error: Json = {"@type": FCM_ERROR, "errorCode": "INVALID_ARGUMENT"}
    return FcmAnswer(400, "INVALID_ARGUMENT", description, (violation, fcm_error))
