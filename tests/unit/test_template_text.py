"""The plain text that is derived from an e-mail's HTML."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.html_text import html_to_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("One<br>Two", "One\nTwo"),
        ("<div>One</div><div>Two</div>", "One\nTwo"),
        ("a  <b>bold</b>\n  word", "a bold word"),
        ("Fish &amp; chips &lt;3", "Fish & chips <3"),
        ('<a href="https://x.example/a">here</a>', "here (https://x.example/a)"),
        ('<a href="https://x.example">https://x.example</a>', "https://x.example"),
        ('<a href="mailto:a@x.example">a@x.example</a>', "a@x.example"),
        ('<a href="javascript:alert(1)">here</a>', "here"),
        ('<a href="#top">top</a>', "top"),
        ('<a href="https://x.example"><img src="x" alt="Shop"></a>', "Shop (https://x.example)"),
        ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
        ("<ol><li>one</li><li>two<ul><li>deep</li></ul></li></ol>", "1. one\n2. two\n  - deep"),
        ("<table><tr><td>Item</td><td>3.00</td></tr><tr><td>Sum</td><td>4.00</td></tr></table>", "Item 3.00\nSum 4.00"),
        ("<pre>  two\n    four</pre>", "  two\n    four"),
        ("a<hr>b", "a\n\n---\n\nb"),
    ],
)
def test_what_is_said_is_kept_and_how_it_looks_is_not(html: str, text: str) -> None:
    assert html_to_text(html) == text


@pytest.mark.parametrize(
    "html",
    [
        "<head><title>T</title><style>p { color: red }</style></head><body>Hi</body>",
        "<script>alert(1)</script>Hi",
        "<style>x",
        "Hi<!-- a comment -->",
        "<!--[if mso]><p>Outlook</p><![endif]-->Hi",
    ],
)
def test_scripts_styles_and_comments_are_silent(html: str) -> None:
    assert html_to_text(html) in {"Hi", ""}


@given(st.text(alphabet=st.sampled_from(list('<>/!-[]&;"= abpliuoltrd\n\x00')), max_size=80))
def test_no_text_however_broken_raises(html: str) -> None:
    assert "\x00" not in html_to_text(html)
