"""Where an API is found."""

from infra.target import Target


def api_url(target: Target, rest_api_id: str, gateway_stage: str) -> str:
    """The URL that callers put our paths behind, without a slash at its end."""
    if target.endpoint_url:
        return f"{target.endpoint_url}/_aws/execute-api/{rest_api_id}/{gateway_stage}"
    suffix = "amazonaws.com.cn" if target.region.startswith("cn-") else "amazonaws.com"
    return f"https://{rest_api_id}.execute-api.{target.region}.{suffix}/{gateway_stage}"
