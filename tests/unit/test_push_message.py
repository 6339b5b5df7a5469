"""What FCM is given for a push, platform by platform."""

from typing import Any
from uuid import UUID

import pytest
from firebase_admin import messaging  # type: ignore[import-untyped]

from chalicelib.channels.base import Outgoing
from chalicelib.channels.push.fcm_message import compose
from chalicelib.domain.content import RenderedPush
from chalicelib.domain.notification import Platform
from chalicelib.domain.recipient import PushTarget

DELIVERY_ID = UUID("01940000-0000-7000-8000-000000000001")
FULL = RenderedPush("Title", "Body", "https://x.example/i.png", "https://x.example/open", {"order": "7"})
BARE = RenderedPush("Title", "Body", None, None, {})


def encoded(platform: Platform, content: RenderedPush) -> dict[str, Any]:  # Any: FCM's JSON
    target = PushTarget("token-1", platform)
    message = compose(Outgoing(DELIVERY_ID, "corr-12345678", target, content), target, content)
    body: dict[str, Any] = messaging._MessagingService.encode_message(message)
    return body


@pytest.mark.parametrize("platform", list(Platform))
@pytest.mark.parametrize("content", [FULL, BARE], ids=["full", "bare"])
def test_every_platform_gets_its_own_block_and_no_other(platform: Platform, content: RenderedPush) -> None:
    blocks = {Platform.IOS: "apns", Platform.ANDROID: "android", Platform.WEB: "webpush"}
    message = encoded(platform, content)
    assert message["token"] == "token-1"
    assert message["notification"]["title"] == "Title"
    assert {block for block in blocks.values() if block in message} == {blocks[platform]}


def test_data_names_the_delivery_beside_the_content_s_own_entries() -> None:
    assert encoded(Platform.IOS, FULL)["data"] == {
        "order": "7",
        "link": "https://x.example/open",
        "delivery_id": str(DELIVERY_ID),
        "correlation_id": "corr-12345678",
    }


def test_no_variable_can_pass_itself_off_as_another_delivery() -> None:
    forged = RenderedPush("T", "B", None, None, {"delivery_id": "forged"})
    assert encoded(Platform.IOS, forged)["data"]["delivery_id"] == str(DELIVERY_ID)


def test_a_repeat_replaces_the_first_on_the_screen() -> None:
    assert encoded(Platform.IOS, BARE)["apns"]["headers"]["apns-collapse-id"] == str(DELIVERY_ID)
    assert encoded(Platform.ANDROID, BARE)["android"]["notification"]["tag"] == str(DELIVERY_ID)
    assert encoded(Platform.WEB, BARE)["webpush"]["notification"]["tag"] == str(DELIVERY_ID)


def test_ios_is_alerted_at_once() -> None:
    block = encoded(Platform.IOS, FULL)["apns"]
    assert block["headers"]["apns-priority"] == "10"
    assert block["payload"]["aps"] == {
        "alert": {"title": "Title", "body": "Body"},
        "sound": "default",
        "mutable-content": 1,
    }


def test_the_web_opens_the_link_only_when_fcm_would_take_it() -> None:
    assert encoded(Platform.WEB, FULL)["webpush"]["fcm_options"]["link"] == FULL.link
    app_link = RenderedPush("T", "B", None, "shop://order/7", {})
    message = encoded(Platform.WEB, app_link)
    assert "fcm_options" not in message["webpush"]
    assert message["data"]["link"] == "shop://order/7"
