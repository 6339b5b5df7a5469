"""A template whose reported variables are given renders, whatever it is made of: nothing that it needs goes unseen."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.domain.content import EmailContent, RenderedEmail
from chalicelib.domain.partial import Partial
from chalicelib.domain.template import compile_content
from chalicelib.errors import RenderFailed

NAMES = ["a", "b", "c", "d"]
FIELD = {"f": {"g": 1, "h": [1, 2]}, "g": 2, "h": [3]}
VALUE = {**FIELD, "n": FIELD}
"""What every variable is, and every item of every list: whatever a template reaches for is there."""


names = st.sampled_from(NAMES)
tests_of_names = names.flatmap(
    lambda n: st.sampled_from([f"{n} is defined", f"{n} is not defined", f"{n} is undefined"])
)


def expressions() -> st.SearchStrategy[str]:
    plain = st.one_of(
        names,
        names.map("{}.g".format),
        names.map("{}['n'].f.h".format),
        st.sampled_from(["1", "'text'", "[1, 2]", "true"]),
        st.tuples(names, names).map(lambda pair: f"{pair[0]}|default({pair[1]})"),
        names.map("{}|d('x')".format),
        tests_of_names,
    )

    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        pairs = st.tuples(inner, inner)
        return st.one_of(
            inner.map("({})|string|upper".format),
            inner.map("not ({})".format),
            pairs.map(lambda pair: f"(({pair[0]}) and ({pair[1]}))"),
            pairs.map(lambda pair: f"(({pair[0]}) or ({pair[1]}))"),
            pairs.map(lambda pair: f"(({pair[0]}) ~ ({pair[1]}))"),
            pairs.map(lambda pair: f"(({pair[0]}) == ({pair[1]}))"),
            pairs.map(lambda pair: f"[({pair[0]}), ({pair[1]})]"),
            st.tuples(inner, inner, inner).map(lambda three: f"(({three[0]}) if ({three[1]}) else ({three[2]}))"),
        )

    return st.recursive(plain, larger, max_leaves=3)


def statements(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    plain = st.one_of(
        values.map("{{{{ {} }}}}".format),
        st.tuples(names, values).map(lambda pair: f"{{% set {pair[0]} = {VALUE_SOURCE} %}}{{{{ {pair[1]} }}}}"),
        st.sampled_from(["{% include 'p' %}", "{% include 'q' %}", "words"]),
    )

    def larger(body: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        bodies = st.lists(body, min_size=1, max_size=3).map("".join)
        named = st.tuples(names, bodies)
        branches = st.tuples(values, bodies, values, bodies, bodies)
        loops = st.tuples(names, names, bodies, values, bodies)
        return st.one_of(
            bodies,
            branches.map(lambda b: f"{{% if {b[0]} %}}{b[1]}{{% elif {b[2]} %}}{b[3]}{{% else %}}{b[4]}{{% endif %}}"),
            loops.map(lambda b: f"{{% for {b[0]} in [{b[1]}, {b[1]}] %}}{b[2]}{{{{ loop.index }}}}{{% endfor %}}"),
            loops.map(lambda b: f"{{% for {b[0]} in [{b[1]}] if {b[3]} %}}{b[2]}{{% else %}}{b[4]}{{% endfor %}}"),
            named.map(lambda b: f"{{% with {b[0]} = {VALUE_SOURCE} %}}{b[1]}{{% endwith %}}"),
            named.map(lambda b: f"{{% set x %}}{b[1]}{{% endset %}}{{{{ x }}}}{{{{ {b[0]} }}}}"),
            bodies.map("{{% filter upper %}}{}{{% endfilter %}}".format),
            named.map(lambda b: f"{{% macro m({b[0]}) %}}{b[1]}{{% endmacro %}}{{{{ m({VALUE_SOURCE}) }}}}"),
        )

    return st.recursive(plain, larger, max_leaves=5)


VALUE_SOURCE = "{'f': {'g': 1, 'h': [1]}, 'g': 2, 'h': [3], 'n': {'f': {'g': 1, 'h': [1]}}}"
SOURCES = statements(expressions())


@st.composite
def families(draw: st.DrawFn) -> tuple[str, dict[str, Partial]]:
    """A template that may extend a layout and include two partials; both fill blocks and set names."""
    innermost = Partial(
        "q", 1, "en", (EmailContent("en", None, draw(SOURCES).replace("'p'", "'q'").replace("{% include 'q' %}", "")),)
    )
    p = draw(SOURCES).replace("'p'", "'q'")
    partials = {"q": innermost, "p": Partial("p", 1, "en", (EmailContent("en", None, p),), {"q": innermost})}
    if not draw(st.booleans()):
        return draw(SOURCES), partials
    between, above, below = draw(SOURCES), draw(SOURCES), draw(SOURCES)
    layout = f"{above}{{% block one %}}{between}{{% endblock %}}{{% block two %}}{{% endblock %}}{below}"
    partials["layout"] = Partial("layout", 1, "en", (EmailContent("en", None, layout),), dict(partials))
    ask = draw(st.sampled_from(["", "{{ super() }}"]))
    child = (
        f"{{% extends 'layout' %}}{draw(SOURCES)}{{% block one %}}{ask}{draw(SOURCES)}{{% endblock %}}{draw(SOURCES)}"
    )
    return child, partials


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(families())
def test_a_template_that_is_given_what_it_asks_for_renders(family: tuple[str, dict[str, Partial]]) -> None:
    source, partials = family
    compiled = compile_content(EmailContent("en", "s", source, "t"), partials)
    assert compiled.variables <= set(NAMES)
    try:
        compiled.render(dict.fromkeys(compiled.variables, VALUE))
    except RenderFailed as failed:
        assert "undefined" not in failed.detail, (source, partials)  # noqa: PT017  whatever else fails is not about names


def test_a_name_that_is_set_later_means_the_variable_until_then() -> None:
    """Jinja2 itself takes the inner name for the one that is set below, hence for undefined."""
    source = "{% with b = 1 %}{{ a }}{% endwith %}{% set a = 2 %}{{ a }}"
    compiled = compile_content(EmailContent("en", "s", source, "t"))
    assert compiled.variables == {"a"}
    rendered = compiled.render({"a": 1})
    assert isinstance(rendered, RenderedEmail)
    assert rendered.html == "12"
