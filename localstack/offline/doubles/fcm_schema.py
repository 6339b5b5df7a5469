"""FCM HTTP v1's Message resource as a table, and whether a request fits it.

Source: "REST Resource: projects.messages" in Firebase's reference. Names are accepted in both of protobuf's JSON
spellings, snake_case and camelCase.
"""

import json
import re
from collections.abc import Callable, Mapping

from offline.doubles.fcm_errors import FcmAnswer, invalid_field, invalid_message

MAX_PAYLOAD_BYTES = 4096
RESERVED_DATA_KEY = re.compile(r"(?:from|message_type|collapse_key|(?:google|gcm\.).*)")
DURATION = re.compile(r"-?\d{1,12}(?:\.\d{1,9})?s")
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)")

SCHEMA: Mapping[str, Mapping[str, str]] = {
    "Request": {"validate_only": "bool", "message": "Message"},
    "Message": {
        "name": "string", "data": "map", "notification": "Notification", "android": "AndroidConfig",
        "webpush": "WebpushConfig", "apns": "ApnsConfig", "fcm_options": "FcmOptions", "token": "string",
        "topic": "string", "condition": "string", "fid": "string",
    },
    "Notification": dict.fromkeys(("title", "body", "image"), "string"),
    "FcmOptions": {"analytics_label": "string"},
    "AndroidConfig": {
        "collapse_key": "string", "priority": "NORMAL|HIGH", "ttl": "duration", "restricted_package_name": "string",
        "data": "map", "notification": "AndroidNotification", "fcm_options": "FcmOptions", "direct_boot_ok": "bool",
        "bandwidth_constrained_ok": "bool", "restricted_satellite_ok": "bool",
    },
    "AndroidNotification": {
        **dict.fromkeys(("title", "body", "icon", "color", "sound", "tag", "click_action", "body_loc_key",
                         "title_loc_key", "channel_id", "ticker", "image"), "string"),
        "body_loc_args": "strings", "title_loc_args": "strings", "sticky": "bool", "event_time": "timestamp",
        "local_only": "bool", "default_sound": "bool", "default_vibrate_timings": "bool",
        "default_light_settings": "bool", "vibrate_timings": "durations", "light_settings": "LightSettings",
        "notification_count": "integer", "bypass_proxy_notification": "bool",
        "notification_priority": "PRIORITY_UNSPECIFIED|PRIORITY_MIN|PRIORITY_LOW|PRIORITY_DEFAULT|PRIORITY_HIGH"
                                 "|PRIORITY_MAX",
        "visibility": "VISIBILITY_UNSPECIFIED|PRIVATE|PUBLIC|SECRET",
        "proxy": "PROXY_UNSPECIFIED|ALLOW|DENY|IF_PRIORITY_LOWERED",
    },
    "LightSettings": {"color": "Color", "light_on_duration": "duration", "light_off_duration": "duration"},
    "Color": dict.fromkeys(("red", "green", "blue", "alpha"), "number"),
    "WebpushConfig": {
        "headers": "map", "data": "map", "notification": "struct", "fcm_options": "WebpushFcmOptions",
    },
    "WebpushFcmOptions": {"link": "string", "analytics_label": "string"},
    "ApnsConfig": {
        "headers": "map", "payload": "struct", "fcm_options": "ApnsFcmOptions", "live_activity_token": "string",
    },
    "ApnsFcmOptions": {"analytics_label": "string", "image": "string"},
}  # fmt: skip
SCALARS: Mapping[str, Callable[[object], bool]] = {
    "string": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "duration": lambda value: isinstance(value, str) and DURATION.fullmatch(value) is not None,
    "timestamp": lambda value: isinstance(value, str) and TIMESTAMP.fullmatch(value) is not None,
    "struct": lambda value: isinstance(value, dict),
}
LISTS = {"strings": "string", "durations": "duration"}
TARGETS = ("token", "topic", "condition", "fid")


def refuse_request(request: object) -> FcmAnswer | None:
    """What FCM would answer to a request body that it does not accept; None when it accepts it."""
    refusal = _check(request, "Request", "")
    if refusal is not None or not isinstance(request, dict):
        return refusal
    message = request.get("message")
    if not isinstance(message, dict):
        return invalid_field("message", "Recipient of the message is not set.")
    return _refuse_message(message)


def _refuse_message(message: Mapping[str, object]) -> FcmAnswer | None:
    targets = [target for target in TARGETS if message.get(target)]
    if not targets:
        return invalid_message("message", "Recipient of the message is not set.")
    if len(targets) > 1:
        return invalid_field("message", f"oneof field 'target' is already set. Cannot set '{targets[1]}'")
    data = message.get("data") or {}
    reserved = next((key for key in data if RESERVED_DATA_KEY.fullmatch(key)), None) if isinstance(data, dict) else None
    if reserved is not None:
        return invalid_message("message.data", f"Invalid data payload key: {reserved}")
    payload = json.dumps([data, message.get("notification")], ensure_ascii=False, separators=(",", ":"))
    if len(payload.encode("utf-8", "surrogatepass")) > MAX_PAYLOAD_BYTES:
        return invalid_message("message", "Message is too big")
    return None


def _check(value: object, kind: str, path: str) -> FcmAnswer | None:
    if kind in SCHEMA:
        return _check_object(value, kind, path)
    if kind == "map":
        return _check_map(value, path)
    if kind in LISTS:
        return _check_list(value, LISTS[kind], path)
    fits = SCALARS[kind](value) if kind in SCALARS else str(value).upper() in kind.split("|")
    return None if fits else _wrong_type(value, kind, path)


def _check_object(value: object, kind: str, path: str) -> FcmAnswer | None:
    if not isinstance(value, dict):
        return _wrong_type(value, kind, path)
    for name, inner in value.items():
        inner_kind = SCHEMA[kind].get(_snake_case(name))
        where = f" at '{path}'" if path else ""
        if inner_kind is None:
            return invalid_field(
                path, f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.'
            )
        refusal = _check(inner, inner_kind, f"{path}.{name}".lstrip(".")) if inner is not None else None
        if refusal is not None:
            return refusal
    return None


def _check_map(value: object, path: str) -> FcmAnswer | None:
    if not isinstance(value, dict):
        return _wrong_type(value, "map", path)
    refusals = (_check(inner, "string", f"{path}[{index}].value") for index, inner in enumerate(value.values()))
    return next((refusal for refusal in refusals if refusal is not None), None)


def _check_list(value: object, kind: str, path: str) -> FcmAnswer | None:
    if not isinstance(value, list):
        return _wrong_type(value, "list", path)
    refusals = (_check(inner, kind, f"{path}[{index}]") for index, inner in enumerate(value))
    return next((refusal for refusal in refusals if refusal is not None), None)


def _unknown_field(name: str, path: str) -> FcmAnswer:
    where = f" at '{path}'" if path else ""
    return invalid_field(path, f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.')


def _wrong_type(value: object, kind: str, path: str) -> FcmAnswer:
    name = "TYPE_ENUM" if "|" in kind else f"TYPE_{kind.upper()}"
    return invalid_field(path, f"Invalid value at '{path}' ({name}), {json.dumps(value)}")


def _snake_case(name: str) -> str:
    return re.sub(r"[A-Z]", lambda upper: f"_{upper[0].lower()}", name)
