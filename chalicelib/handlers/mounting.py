"""Below which path the interface lies: API Gateway puts its stage, or a domain's base path, before all of ours."""

from collections.abc import Mapping


def mount_of(context: Mapping[str, object]) -> str:
    """What the caller's URL has before our path, such as `/api`; nothing where we begin at the domain's root.

    requestContext.path is the path as it was called, resourcePath the route of ours, which it ends in segment by
    segment. Meaningless for a route with a greedy segment, which nothing is found at.
    """
    called = str(context.get("path") or "").strip("/").split("/")
    own = str(context.get("resourcePath") or "").strip("/").split("/")
    return "".join(f"/{segment}" for segment in called[: max(0, len(called) - len(own))])
