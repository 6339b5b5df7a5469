"""No template reaches out, and none takes much time or room, whatever its author wrote."""

import time

import pytest

from chalicelib.domain.content import EmailContent, RenderedEmail
from chalicelib.domain.template import MAX_RENDERED_CHARACTERS, compile_content
from chalicelib.errors import InvalidTemplate, RenderFailed

LONGEST_S = 2.0
"""Of this thread alone; on an idle machine none takes a fifth of it."""

BIG = "x" * 200_000
NUMBERS = list(range(40_000))
ROWS = [{"a": number, "b": "word"} for number in range(5000)]
HOSTILE = {
    "big": BIG,
    "numbers": NUMBERS,
    "others": list(range(40_000)),
    "rows": ROWS,
    "tags": "<a>" * 66_000,
    "words": "Ab " * 66_000,
    "hex": "f" * 200_000,
    "long": "x" * 1000,
}


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
ROUNDS = "{% for i in range(9999) %}"


@pytest.mark.parametrize(
    "html",
    [
        ROUNDS + ROUNDS + "{% endfor %}{% endfor %}",
        ROUNDS + "{{ 1 + i }}" * 1500 + "{% endfor %}",
        ROUNDS + "{% for n in numbers if n is none %}{% endfor %}{% endfor %}",
        "{% for i in range(9999) recursive %}{{ loop(range(9999)) }}{% endfor %}",
        "{{ range(10 ** 8)|length }}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% block a %}{{ self.a() }}{% endblock %}",
        "".join(f"{{% block b{n} %}}{{{{ self.b{n + 1}() * 2 }}}}{{% endblock %}}" for n in range(40)),
        "".join(
            f"{{% block b{n} %}}{{{{ self.b{n + 1}() }}}}{{{{ self.b{n + 1}() }}}}{{% endblock %}}" for n in range(40)
        )
        + "{% block b40 %}{% endblock %}",
    ],
    ids=range(10),
)
def test_a_template_that_goes_round_without_end_is_stopped(html: str) -> None:
    stopped_soon(html)


@pytest.mark.parametrize(
    "html",
    [
        *(
            f"{{% set a = {start} %}}" + step * DOUBLING + "{{ a }}"
            for start, step in [
                ("'xy'", "{% set a = a ~ a %}"),
                ("'xy'", "{% set a = a + a %}"),
                ("'xy'", "{% set a %}{{ a }}{{ a }}{% endset %}"),
                ("['x']", "{% set a = [a, a] %}"),
                ("['x']", "{% set a = {'l': a, 'r': a} %}"),
                ("['x']", "{% set a = dict(l=a, r=a) %}"),
                ("'xy'", "{% set a = a|replace('x', a) %}"),
                ("'xy'", "{% set a = range(9999)|join(a) %}"),
            ]
        ),
        "{% macro m() %}" + ROUNDS + "{{ big }}{% endfor %}{% endmacro %}{{ m()|length }}",
        "{% macro m() %}" + ROUNDS + "x" * 100_000 + "{% endfor %}{% endmacro %}{{ m()|length }}",
        "{% set s %}" + ROUNDS + "{{ big }}{% endfor %}{% endset %}{{ s|length }}",
        "{% filter length %}" + ROUNDS + "{{ big }}{% endfor %}{% endfilter %}",
        "{% set ns = namespace(x=10) %}{% for i in range(99) %}{% set ns.x = ns.x * ns.x %}{% endfor %}",
        ROUNDS + "{{ long }}{% endfor %}",
        "{{ 'x' * 10 ** 9 }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ 9**9**9 }}",
        "{{ 'x'.ljust(10 ** 9) }}",
        "{{ 'x'.center(10 ** 9) }}",
        "{{ 'x'.encode().ljust(10 ** 9) }}",
        "{{ (1).to_bytes(10 ** 9, 'big') }}",
        "{{ 1.5|round(10 ** 9) }}",
        "{{ '%999999999d'|format(1) }}",
        "{{ '%*d'|format(999999999, 1) }}",
        "{{ hex|int(base=16) }}",
        "{{ hex|int(base=16) * 2 }}",
        "{{ lipsum(10 ** 9) }}",
    ],
)
def test_a_template_that_makes_much_out_of_little_is_stopped(html: str) -> None:
    stopped_soon(html)


@pytest.mark.parametrize(
    "expression",
    [
        *("big|upper", "big.upper()", "'zz' in big", "big.count('q')", "big.split('x')", "big|replace('x', 'y')"),
        *("-1 in numbers", "numbers == others", "numbers[1:]", "numbers|sort", "numbers|string", "rows|groupby('a')"),
        *("numbers.index(39999)", "dict(a=numbers)", "cycler(*numbers)", "words|title"),
        *("numbers|first|default(big)", "'%s'|format(numbers)", "tags|striptags", "words|wordcount", "big|urlencode"),
    ],
)
def test_a_large_variable_that_is_looked_at_again_and_again_is_stopped(expression: str) -> None:
    stopped_soon(ROUNDS + "{% set found = " + expression + " %}{% endfor %}")


@pytest.mark.parametrize(
    "expression",
    [
        "numbers|select('in', others)|list",
        "numbers|reject('in', others)|list",
        "numbers|map('string')|map('upper')|map('lower')|map('upper')|list",
        "rows|map(attribute='a" + ".a" * 20_000 + "', default=rows[0])|list",
        "rows|sort(attribute='" + ",".join("a" * 20_000) + "')",
        "big|groupby('x')",
        "[[1]]|sum(start=[])",
    ],
    ids=range(7),
)
def test_a_filter_that_would_take_long_by_itself_is_stopped(expression: str) -> None:
    stopped_soon("{{ (" + expression + ")|length }}")


def stopped_soon(html: str) -> None:
    compiled = compile_content(EmailContent(locale="en", subject="s", html=html, text="t"))
    began_s = time.thread_time()
    with pytest.raises(RenderFailed):
        compiled.render(HOSTILE)
    assert time.thread_time() - began_s < LONGEST_S


@pytest.mark.parametrize(
    "html",
    [
        "{{ " + "(" * 5000 + ")" * 5000 + " }}",
        "{{ " + "[" * 300 + "]" * 300 + " }}",
        "{% if a %}" * 500 + "{% endif %}" * 500,
        "{% for a in b %}" * 60 + "{% endfor %}" * 60,
        "{{ " + "-" * 5000 + "1 }}",
        "{{ a" + ".b" * 50_000 + " }}",
        "{{ " + "+".join("1" * 50_000) + " }}",
        "{{ a" + "|upper" * 500 + " }}",
        "{{ a }}" * 20_000,
        "{% if a %}" + "{% elif a %}" * 5000 + "{% endif %}",
    ],
    ids=range(10),
)
def test_what_would_take_long_to_compile_is_refused(html: str) -> None:
    began_s = time.thread_time()
    with pytest.raises(InvalidTemplate):
        compile_content(EmailContent(locale="en", subject="s", html=html, text="t"))
    assert time.thread_time() - began_s < 3 * LONGEST_S


@pytest.mark.parametrize("html", ["{{ 9**9**9 if x else 1 }}", "{{ ('x' * 10**10)|length if x else 1 }}"])
def test_no_expression_is_evaluated_when_it_is_compiled(html: str) -> None:
    render(html, x=False)


@pytest.mark.parametrize(
    "html",
    [
        *("{{ self.__class__ }}", "{{ ''.__class__.__mro__ }}", "{{ ''|attr('__class__') }}", "{{ joiner()._x }}"),
        *("{{ cycler.__init__.__globals__ }}", "{{ namespace.__init__ }}", "{{ loop.__class__ }}", "{{ x|_made }}"),
        *(
            "{{ x is _made }}",
            "{{ _budget }}",
            "{% set _budget = 1 %}",
            "{% autoescape false %}{{ x }}{% endautoescape %}",
        ),
        *(
            "{% call x() %}{% endcall %}",
            "{% block a required %}{% endblock %}",
            "{{ x is callable }}",
            "{{ x.gi_frame }}",
        ),
    ],
)
def test_what_reaches_out_by_name_does_not_compile(html: str) -> None:
    with pytest.raises(InvalidTemplate):
        compile_content(EmailContent(locale="en", subject="s", html=html, text="t"))


@pytest.mark.parametrize(
    "html",
    [
        *(
            "{{ '{0.__class__}'.format(1) }}",
            "{{ caller() }}",
            "{{ loop }}",
            "{{ x.encode() }}",
            "{{ x.translate({}) }}",
        ),
        *("{{ rows.append(1) }}", "{{ rows.pop() }}", "{{ row.update(a=1) }}", "{{ row.clear() }}", "{{ (1).real }}"),
        *(
            "{{ (rows|map('upper')).send }}",
            "{{ range.start }}",
            "{{ dict.fromkeys('ab') }}",
            "{{ x['__cl' ~ 'ass__'] }}",
        ),
        *("{{ super() }}", "{{ varargs }}"),
    ],
)
def test_what_reaches_out_when_it_is_rendered_is_refused_then(html: str) -> None:
    with pytest.raises(RenderFailed):
        render(html, x="word", rows=["word"], row={"a": 1})


def test_what_a_client_calls_like_a_method_of_pythons_is_theirs() -> None:
    content = EmailContent(locale="en", subject="{{ row.copy }} {{ row.pop }}", html="h", text="t")
    rendered = compile_content(content).render({"row": {"copy": 2, "pop": "corn"}})
    assert isinstance(rendered, RenderedEmail)
    assert rendered.subject == "2 corn"


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
