"""A template's life: draft, published, rolled back, archived. What was accepted keeps what it was accepted with."""

from datetime import UTC, datetime, timedelta

from tests.e2e.api import EMAIL, Client, Json, address, delivery_of, succeeded, unique

FRENCH = {**EMAIL, "locale": "fr", "subject": "Bonjour {{ name }}", "html": "<p>Bonjour {{ name }}</p>"}


def saying(html: str, **parts: Json) -> Json:
    return {"contents": [{**EMAIL, "html": html, **parts}]}


def make_partial(client: Client, html: str, *, title: str = "partial") -> str:
    content = {"channel": "email", "locale": "en", "html": html}
    code = client.create_template(content, code=unique(title), kind="partial")
    succeeded(client.call(f"POST /v1/templates/{code}/versions/1/publish"))
    return code


def received(client: Client, code: str, **body: Json) -> Json:
    """The e-mail that a notification becomes."""
    to = address()
    accepted = client.notify(template_code=code, recipient={"email": to}, **body)
    assert delivery_of(client.wait_ended(accepted["notification_id"]))["status"] == "sent"
    (mail,) = client.mails(to)
    return mail


def test_a_template_lives_from_its_first_draft_to_the_archive(client: Client) -> None:
    code = client.create_template(EMAIL)
    template = f"/v1/templates/{code}"
    draft = client.call("POST /v1/notifications", {"template_code": code, "recipient": {"email": address()}})
    assert (draft.status_code, draft.json()["code"]) == (422, "template_not_published")
    succeeded(client.call(f"POST {template}/versions/1/publish"))
    assert received(client, code)["subject"] == "Hello Ada"

    added = client.call(f"POST {template}/versions", saying("<p>Second</p>", subject="Second for {{ name }}"))
    assert (added.status_code, client.place(added)) == (201, f"{template}/versions/2")
    assert succeeded(client.call(f"GET {client.place(added)}"))["contents"][0]["variables"] == ["name"]
    assert received(client, code)["subject"] == "Hello Ada"
    succeeded(client.call(f"POST {template}/versions/2/publish"))
    assert received(client, code)["subject"] == "Second for Ada"
    succeeded(client.call(f"POST {template}/versions/1/publish"))
    assert received(client, code)["subject"] == "Hello Ada"
    statuses = [each["status"] for each in succeeded(client.call(f"GET {template}/versions"))["items"]]
    assert statuses == ["retired", "published"]

    read = succeeded(client.call(f"GET {template}"))
    assert (read["published_version"], read["latest_version"]) == (1, 2)
    assert code in [each["code"] for each in succeeded(client.call("GET /v1/templates?limit=200"))["items"]]
    assert client.call(f"DELETE {template}").status_code == 204
    assert client.call(f"GET {template}").status_code == 404
    archived = client.call("POST /v1/notifications", {"template_code": code, "recipient": {"email": address()}})
    assert (archived.status_code, archived.json()["code"]) == (422, "template_not_found")


def test_what_was_accepted_keeps_its_version_also_when_the_template_is_archived(client: Client) -> None:
    code = client.publish_template(EMAIL)
    to, soon = address(), (datetime.now(UTC) + timedelta(seconds=4)).isoformat()
    accepted = client.notify(template_code=code, recipient={"email": to}, send_at=soon)
    succeeded(client.call(f"POST /v1/templates/{code}/versions", saying("<p>Never</p>", subject="Never")))
    succeeded(client.call(f"POST /v1/templates/{code}/versions/2/publish"))
    assert client.call(f"DELETE /v1/templates/{code}").status_code == 204
    client.wait_ended(accepted["notification_id"], within_s=30)
    assert [mail["subject"] for mail in client.mails(to)] == ["Hello Ada"]


def test_a_preview_is_what_is_sent_partials_and_all(client: Client) -> None:
    footer = make_partial(client, "<i>Yours, {{ sender|default('Carillon') }}</i>")
    layout = make_partial(
        client, f"<h1>{{% block title %}}{{% endblock %}}</h1>{{% include '{footer}' %}}", title="layout"
    )
    html = f"{{% extends '{layout}' %}}{{% block title %}}Dear {{{{ name }}}}{{% endblock %}}"
    code = client.publish_template({**EMAIL, "html": html})
    succeeded(client.call(f"POST /v1/templates/{footer}/versions", {"contents": [{**EMAIL, "html": "changed"}]}))
    succeeded(client.call(f"POST /v1/templates/{footer}/versions/2/publish"))
    asked = {"channel": "email", "variables": {"name": "<Ada>"}}
    shown = succeeded(client.call(f"POST /v1/templates/{code}/preview", asked))
    assert shown["html"] == "<h1>Dear &lt;Ada&gt;</h1><i>Yours, Carillon</i>"
    mail = received(client, code, variables={"name": "<Ada>"})
    assert shown["html"] in str(mail)
    refused = client.call(f"POST /v1/templates/{code}/preview", {"channel": "email"})
    assert (refused.status_code, refused.json()["code"]) == (422, "missing_variables")


def test_two_editors_cannot_overwrite_each_other(client: Client) -> None:
    code = client.create_template(EMAIL)
    tag = client.call(f"GET /v1/templates/{code}").headers["etag"]
    first = client.call(f"PATCH /v1/templates/{code}", {"name": "First"}, headers={"If-Match": tag})
    second = client.call(f"PATCH /v1/templates/{code}", {"name": "Second"}, headers={"If-Match": tag})
    assert (first.status_code, second.status_code) == (200, 412)
    assert succeeded(client.call(f"GET /v1/templates/{code}"))["name"] == "First"


def test_missing_translations_and_a_default_locale_that_is_not_there(client: Client) -> None:
    code = client.create_template(EMAIL, FRENCH, {"channel": "push", "locale": "en", "title": "t", "body": "b"})
    report = succeeded(client.call(f"GET /v1/templates/{code}/missing-translations"))
    missing = {part["channel"]: part["missing"] for part in report["items"]}
    assert missing == {"email": [], "push": [{"locale": "fr", "shown": "en"}]}
    refused = client.call(f"PATCH /v1/templates/{code}", {"default_locale": "fr"})
    assert (refused.status_code, refused.json()["code"]) == (422, "default_locale_missing")
