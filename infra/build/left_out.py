"""What the lock names and the package leaves out, each with its reason. `make package` proves that nobody misses it."""

from collections.abc import Mapping

_RUNTIME = "Lambda's runtime brings it"
_FIRESTORE = "firebase-admin needs it for Firestore and Storage alone"
_NEVER_CALLED = "is imported by a part that nobody calls"

PROJECTS: Mapping[str, str] = {
    "boto3": _RUNTIME,
    "botocore": _RUNTIME,
    "s3transfer": f"{_RUNTIME}; boto3 alone needs it",
    "python-dateutil": f"{_RUNTIME}; botocore alone needs it",
    "six": f"{_RUNTIME}; python-dateutil alone needs it",
    "google-cloud-core": _FIRESTORE,
    "google-cloud-firestore": _FIRESTORE,
    "google-cloud-storage": _FIRESTORE,
    "google-crc32c": _FIRESTORE,
    "google-resumable-media": _FIRESTORE,
    "google-api-core": _FIRESTORE,
    "googleapis-common-protos": _FIRESTORE,
    "grpcio": _FIRESTORE,
    "grpcio-status": _FIRESTORE,
    "opentelemetry-api": _FIRESTORE,
    "proto-plus": _FIRESTORE,
    "protobuf": _FIRESTORE,
    "cachecontrol": f"firebase-admin's user management, which {_NEVER_CALLED}",
    "msgpack": "cachecontrol alone needs it",
    "dnspython": "email-validator needs it to ask for MX records, and we do not let it",
    "pyasn1": "google-auth needs it where cryptography is missing",
    "pyasn1-modules": "google-auth needs it where cryptography is missing",
    "anyio": "httpx needs it to send asynchronously, and nobody does",
    "pycparser": "cffi needs it to read C declarations; cryptography uses cffi's compiled half",
}
"""By their names in requirements.txt. urllib3 stays, though the runtime brings one: we build on the version we test."""

FILES: Mapping[str, str] = {
    "bin/**/*": "commands, which nobody runs in a function",
    "**/*.pyi": "types, for development",
    "**/*.pyx": "sources of what ships compiled",
    "**/*.pxd": "sources of what ships compiled",
    "**/*.c": "sources of what ships compiled",
    "**/*.h": "sources of what ships compiled",
    "**/*.dist-info/RECORD": "for pip alone",
    "**/*.dist-info/INSTALLER": "for pip alone",
    "**/*.dist-info/REQUESTED": "for pip alone",
    "**/*.dist-info/WHEEL": "for pip alone",
    "**/*.dist-info/top_level.txt": "for setuptools alone",
    "**/*.dist-info/sboms/**/*": "the release has a bill of materials of its own",
    "swagger_ui_bundle/vendor/*/*.map": "for debugging Swagger UI",
    "swagger_ui_bundle/vendor/*/*.html": "/docs has a page of its own",
    "swagger_ui_bundle/vendor/*/*.png": "/docs has a page of its own",
    "swagger_ui_bundle/vendor/*/*-es-bundle*": "/docs loads the other bundle",
    "swagger_ui_bundle/vendor/*/*-preset.js": "/docs loads the bundle alone",
    "swagger_ui_bundle/vendor/*/swagger-ui.js": "/docs loads the bundle, which contains it",
    "aws_lambda_powertools/event_handler/**/*": "routes are Chalice's",
    **{
        f"aws_lambda_powertools/utilities/{part}/**/*": "only logs and metrics are used"
        for part in ("auth_alpha", "batch", "circuit_breaker", "data_classes", "data_masking", "feature_flags")
    },
    **{
        f"aws_lambda_powertools/utilities/{part}/**/*": "only logs and metrics are used"
        for part in ("idempotency", "kafka", "parameters", "parser", "streaming", "validation")
    },
    "sqlalchemy/testing/**/*": "SQLAlchemy's own tests",
    "alembic/testing/**/*": "Alembic's own tests",
    **{
        f"sqlalchemy/dialects/{dialect}/**/*": "the database is PostgreSQL"
        for dialect in ("mssql", "mysql", "oracle", "sqlite")
    },
}
"""Patterns below `vendor/`, as pathlib's `glob` reads them."""
