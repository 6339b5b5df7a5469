"""Which top-level modules of others each function may import, from its cold start through its work: the whole list.

One more costs every cold start of that function, and is a decision. Only a push imports firebase; boto3 comes with SES
or with a secret that is named by its ARN, and is the runtime's own.
"""

import sys

BEFORE_3_11_3 = frozenset({"async_timeout"} if sys.version_info < (3, 11, 3) else ())
"""What redis needs on a Python that Lambda has long left."""

EVERY_FUNCTION = BEFORE_3_11_3 | frozenset(
    {
        *("chalice", "aws_lambda_powertools", "jmespath"),
        *("pydantic", "pydantic_core", "pydantic_settings", "annotated_types", "dotenv"),
        *("typing_extensions", "typing_inspection"),
        *("psycopg", "psycopg_binary", "redis", "hiredis", "cryptography", "pika"),
    }
)
TEMPLATES = frozenset({"jinja2", "markupsafe"})
KEYS = frozenset({"_cffi_backend", "bcrypt"})
"""What cryptography, which redis needs too, imports once it reads keys."""

DELIVERING = EVERY_FUNCTION | TEMPLATES
EMAIL = DELIVERING | {"idna"}
HTTP_CLIENT = frozenset({"requests", "urllib3", "certifi", "charset_normalizer", "idna"})
UNUSED_CLIENT = frozenset({"httpx", "httpcore", "h11", "h2", "hpack", "hyperframe"})
"""firebase-admin makes an asynchronous client beside the one that we use."""
PUSH = DELIVERING | KEYS | HTTP_CLIENT | UNUSED_CLIENT | {"firebase_admin", "google"}

ALLOWED = {
    "api_handler": DELIVERING | KEYS | {"jwt", "email_validator", "idna", "language_tags", "swagger_ui_bundle"},
    "deliver_email": EMAIL,
    "deliver_email_bulk": EMAIL,
    "deliver_push": PUSH,
    "deliver_push_bulk": PUSH,
    "archive_failed": DELIVERING,
    "relay": DELIVERING,
    "measure_queues": DELIVERING,
    "purge": EVERY_FUNCTION,
    "migrate": EVERY_FUNCTION | {"alembic", "sqlalchemy", "mako", "markupsafe", "bcrypt", "email_validator", "idna"},
}
