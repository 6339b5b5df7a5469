"""Write the document, or with `--check` tell whether the one that is committed is this one.

python -m chalicelib.handlers.openapi [--check]
"""

import sys

from app import app
from chalicelib.handlers.openapi.document import DOCUMENT, render_document


def main(arguments: list[str]) -> int:
    """0, or 1 when the committed document is stale."""
    text = render_document(app)
    if "--check" not in arguments:
        DOCUMENT.write_text(text, encoding="utf-8")
        return 0
    if DOCUMENT.is_file() and DOCUMENT.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write("chalicelib/openapi.json is stale: run make openapi\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
