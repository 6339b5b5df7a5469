"""No template reaches out, and none takes much time or room, whatever its author wrote."""

import time

import pytest

from chalicelib.domain.content import EmailContent
from chalicelib.domain.template import MAX_RENDERED_CHARACTERS, compile_content
from chalicelib.errors import InvalidTemplate, RenderFailed

GENEROUS_S = 5.0


def render(html: str, **variables: object) -> None:
    compile_content(EmailContent(locale="en", subject="s", html=html, text="t")).render(variables)


@pytest.mark.parametrize(
    "html",
    [
        "{{ x['__cl' ~ 'ass__'] }}",
        "{{ x.format }}",
        "{{ x['format']('{0.__class__}') }}",
        "{{ ['{0.__class__}']|map('format', x)|first.__class__ if false else x['__cl' ~ 'ass__'] }}",
        "{{ things|map(attribute='__cl' ~ 'ass__')|first }}",
    ],
    ids=range(5),
)
def test_what_only_shows_while_rendering_is_refused_then(html: str) -> None:
    with pytest.raises((RenderFailed, InvalidTemplate)):
        render(html, x="word", things=["word"])


DOUBLING = 60


@pytest.mark.parametrize(
    "html",
    [
        "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}",
        "{{ range(10 ** 8)|length }}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% set a = 'xy' %}" + "{% set a = a ~ a %}" * DOUBLING + "{{ a }}",
        "{% set a = 'xy' %}" + "{% set a = a + a %}" * DOUBLING + "{{ a }}",
        "{% set a = 'xy' %}" + "{% set a %}{{ a }}{{ a }}{% endset %}" * DOUBLING + "{{ a }}",
        "{% set a = ['x'] %}" + "{% set a = [a, a] %}" * DOUBLING + "{{ a }}",
        "{% set a = ['x'] %}" + "{% set a = {'l': a, 'r': a} %}" * DOUBLING + "{{ a }}",
        "{% set a = ['x'] %}" + "{% set a = dict(l=a, r=a) %}" * DOUBLING + "{{ a }}",
        "{% set a = 'xy' %}" + "{% set a = a|replace('x', a) %}" * DOUBLING + "{{ a }}",
        "{% set a = 'xy' %}" + "{% set a = range(9999)|join(a) %}" * DOUBLING + "{{ a }}",
        "{{ 'x' * 10 ** 9 }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ 'x'.ljust(10 ** 9) }}",
        "{{ 1.5|round(10 ** 9) }}",
        "{{ '%999999999d'|format(1) }}",
        "{{ '%*d'|format(999999999, 1) }}",
        "{% for i in range(9999) %}{{ long }}{% endfor %}",
    ],
)
def test_what_would_take_too_much_ends_soon(html: str) -> None:
    began_s = time.monotonic()
    with pytest.raises(RenderFailed):
        render(html, long="x" * 1000)
    assert time.monotonic() - began_s < GENEROUS_S


def test_a_large_but_honest_template_renders() -> None:
    rows = [{"name": f"item {number}", "price": number / 7} for number in range(2000)]
    render(
        "{% for row in rows %}<p>{{ row.name ~ '!' }} {{ '%.2f'|format(row.price) }}</p>{% endfor %}",
        rows=rows,
    )


def test_the_output_may_be_as_large_as_the_bound_and_no_larger() -> None:
    render("{{ x }}", x="x" * MAX_RENDERED_CHARACTERS)
    with pytest.raises(RenderFailed, match="exceeds"):
        render("{{ x }}", x="x" * (MAX_RENDERED_CHARACTERS + 1))


def test_variables_are_never_changed() -> None:
    things = [1]
    with pytest.raises(RenderFailed):
        render("{{ things.append(2) }}", things=things)
    assert things == [1]
