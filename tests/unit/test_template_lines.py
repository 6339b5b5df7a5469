"""Where a template cannot be rendered: the line in the source of the part that is named."""

import pytest

from chalicelib.domain.content import EmailContent
from chalicelib.domain.partial import Partial
from chalicelib.domain.template import compile_content
from chalicelib.errors import RenderFailed


def failure_of(html: str, **partials: str) -> RenderFailed:
    known = {
        code: Partial(code, 1, "en", (EmailContent("en", None, source),), {}, frozenset({code}))
        for code, source in partials.items()
    }
    template = compile_content(EmailContent(locale="en", subject="-", html=html, text="-"), known)
    with pytest.raises(RenderFailed) as failure:
        template.render({"name": "Ada", "nothing": 0, "long": "x" * 60_000})
    return failure.value


@pytest.mark.parametrize(
    ("html", "line"),
    [
        ("{{ name.first.initial }}", 1),
        ("<p>\n\n{{ 1 / nothing }}</p>", 3),
        ("{% if name %}\n{{ name.first.initial }}{% endif %}", 2),
        ("{% block body %}\n{% for each in [1] %}\n{{ each // nothing }}{% endfor %}{% endblock %}", 3),
    ],
)
def test_the_line_of_the_fault_is_told(html: str, line: int) -> None:
    assert failure_of(html).line == line


def test_of_a_partial_the_line_that_names_it_is_told() -> None:
    assert failure_of("Hello\n\n{% include 'footer' %}", footer="\n\n\n\n{{ 1 / nothing }}").line == 3


def test_a_result_that_is_too_long_has_no_line() -> None:
    failure = failure_of("{{ long }}" * 10)
    assert (failure.line, "exceeds" in failure.detail) == (None, True)
