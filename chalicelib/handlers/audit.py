"""/v1/audit: who changed what, and when."""

from http import HTTPStatus

from chalice.app import Blueprint

from chalicelib.domain.principal import Scope
from chalicelib.handlers.access import needs
from chalicelib.handlers.answers import Answer, ok
from chalicelib.handlers.contract import Success
from chalicelib.handlers.http import endpoint
from chalicelib.handlers.paging import decode_cursor, encode_cursor
from chalicelib.handlers.request import NoBody, Request
from chalicelib.handlers.schemas_audit import AuditEntry, AuditEntryPage, AuditQuery
from chalicelib.wiring import operations as wiring

routes = Blueprint(__name__)


@endpoint(
    routes,
    "GET /v1/audit",
    access=needs(Scope.ADMIN),
    body=NoBody,
    query=AuditQuery,
    success=Success(HTTPStatus.OK, AuditEntryPage),
)
def list_audit(request: Request[NoBody, AuditQuery]) -> Answer:
    """Changes of templates, clients, preferences and people, and replays, newest first."""
    wanted = request.query.wanted
    before = decode_cursor(request.query.cursor, of=f"audit {wanted}")
    found = wiring.read_audit()(wanted, before=before, limit=request.query.limit)
    next_cursor = encode_cursor(found.entries[-1].id, of=f"audit {wanted}") if found.more else None
    return ok(AuditEntryPage(items=[AuditEntry.of(entry) for entry in found.entries], next_cursor=next_cursor))
