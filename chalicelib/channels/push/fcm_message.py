"""A rendered push as an FCM message, with the block of the device's platform.

Every block names the delivery (Android and web: tag, iOS: apns-collapse-id), so that a repeat replaces the first on the
screen instead of standing beside it. Sources: FCM HTTP v1 `Message`; Apple, "Sending notification requests to APNs".
"""

from firebase_admin import messaging  # type: ignore[import-untyped]

from chalicelib.channels.base import Outgoing
from chalicelib.domain.content import RenderedPush
from chalicelib.domain.notification import Platform
from chalicelib.domain.recipient import PushTarget

Block = messaging.APNSConfig | messaging.AndroidConfig | messaging.WebpushConfig


def compose(outgoing: Outgoing, target: PushTarget, content: RenderedPush) -> messaging.Message:
    """The message of one delivery. `data` holds the content's entries, then link, delivery_id and correlation_id."""
    tag = str(outgoing.delivery_id)
    message = messaging.Message(
        notification=messaging.Notification(title=content.title, body=content.body, image=content.image),
        data=_data(outgoing, content),
        apns=_ios(content, tag) if target.platform is Platform.IOS else None,
        android=_android(content, tag) if target.platform is Platform.ANDROID else None,
        webpush=_web(content, tag) if target.platform is Platform.WEB else None,
    )
    message.token = target.token  # the constructor warns that tokens give way to installation ids, which apps lack yet
    return message


def _data(outgoing: Outgoing, content: RenderedPush) -> dict[str, str]:
    link = {"link": content.link} if content.link else {}
    return {
        **content.data,
        **link,
        "delivery_id": str(outgoing.delivery_id),
        "correlation_id": outgoing.correlation_id,
    }


def _ios(content: RenderedPush, tag: str) -> messaging.APNSConfig:
    alert = messaging.ApsAlert(title=content.title, body=content.body)
    return messaging.APNSConfig(
        headers={"apns-priority": "10", "apns-push-type": "alert", "apns-collapse-id": tag},
        payload=messaging.APNSPayload(
            messaging.Aps(alert=alert, sound="default", mutable_content=True if content.image else None)
        ),
        fcm_options=messaging.APNSFCMOptions(image=content.image) if content.image else None,
    )


def _android(content: RenderedPush, tag: str) -> messaging.AndroidConfig:
    return messaging.AndroidConfig(
        priority="high",
        notification=messaging.AndroidNotification(
            title=content.title, body=content.body, image=content.image, sound="default", tag=tag
        ),
    )


def _web(content: RenderedPush, tag: str) -> messaging.WebpushConfig:
    opens = content.link if content.link and content.link.startswith("https://") else None
    return messaging.WebpushConfig(
        headers={"Urgency": "high"},
        notification=messaging.WebpushNotification(
            title=content.title, body=content.body, image=content.image, tag=tag
        ),
        fcm_options=messaging.WebpushFCMOptions(link=opens) if opens else None,
    )
