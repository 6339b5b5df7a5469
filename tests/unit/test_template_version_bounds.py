"""No version takes long to check, however many contents and parts it spreads its sources over."""

import time

import pytest

from chalicelib.domain.content import Content, EmailContent, PushContent
from chalicelib.domain.template import compile_content, parse_content
from chalicelib.domain.template_source import Reading
from chalicelib.errors import RenderFailed

LONGEST_CHECK_S = 10.0
"""Three times what an idle machine needs."""

LONGEST_RENDER_S = 2.0


def flaws_of(contents: list[Content]) -> int:
    """How many flaws a version of these has; the time of this thread is bounded."""
    began_s = time.thread_time()
    reading = Reading()
    parsed = [parse_content(content, reading) for content in contents]
    flaws = sum(len(each.compile()[1]) for each in parsed)
    assert time.thread_time() - began_s < LONGEST_CHECK_S
    return flaws


@pytest.mark.parametrize(
    ("source", "times"),
    [
        (("{{ a" + ".b" * 150 + " }}") * 60, 100),
        ("{{a}}" * 1950, 200),
        ("".join(f"{{%if a%}}{{%set z{n}=1%}}{{%endif%}}" for n in range(1900)), 34),
        ("{{[" + "1," * 100_000 + "1]}}", 10),
        ("{%if a%}" + "{%elif a%}" * 100 + "{%endif%}", 200),
        ("".join(f"{{%block m{n}%}}" for n in range(16)) + "{{self.m0()}}" * 4000 + "{%endblock%}" * 16, 3),
    ],
    ids=["chains", "names", "scopes", "lists", "branches", "blocks"],
)
def test_a_version_that_would_take_long_to_check_is_refused(source: str, times: int) -> None:
    assert flaws_of([EmailContent(f"x{number}", "s", source) for number in range(times)]) > 0


def test_many_small_parts_are_refused_as_a_few_large_ones_are() -> None:
    data = {f"k{number}": "a" for number in range(700)}
    assert flaws_of([PushContent(f"x{number}", "t", "b", data=data) for number in range(200)]) > 0


def test_a_version_in_two_hundred_languages_is_checked() -> None:
    source = "<p>{{ name }}, {{ order.number }}</p>{% if paid %}{{ thanks }}{% endif %}" * 4
    assert flaws_of([EmailContent(f"x{number}", "Hello {{ name }}", source) for number in range(200)]) == 0


@pytest.mark.parametrize(
    "html",
    [
        "{% for i in range(1000) %}{{ range(10000)|max }}{% endfor %}",
        '{{ range(10000)|groupby("a' + ".a" * 19 + '", default=1)|length }}',
        '{% for i in range(20) %}{{ range(10000)|groupby("a.a.a", default=1)|length }}{% endfor %}',
        "{% for i in range(2000) %}{% if -1 in a.values() %}{% endif %}{% endfor %}",
        "{% for i in range(500) %}{% set x = a.items()|max %}{% endfor %}",
        "{% for i in range(99) %}{{ range(9999)|map('abs')|map(attribute='a.a.a', default=1)|list }}{% endfor %}",
    ],
    ids=range(6),
)
def test_what_is_no_list_is_paid_for_like_one(html: str) -> None:
    compiled = compile_content(EmailContent("en", "s", html))
    began_s = time.thread_time()
    with pytest.raises(RenderFailed):
        compiled.render({"a": {str(number): number for number in range(9000)}})
    assert time.thread_time() - began_s < LONGEST_RENDER_S


def test_a_plain_loop_over_a_long_range_is_rendered() -> None:
    compile_content(EmailContent("en", "s", "{% for i in range(9000) %}{{ i }}{% endfor %}")).render({})
