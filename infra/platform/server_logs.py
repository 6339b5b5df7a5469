"""How long CloudWatch keeps what the servers write: AWS makes their log groups itself, and would keep all for ever."""

from infra.functions import APP
from infra.target import AwsClient


def retain_server_logs(*, logs: AwsClient, stage: str, broker_arn: str, retention_days: int) -> int:
    """Give every log group of the stage's servers this retention, and return how many there are. May be repeated.

    AWS makes a group with its first line: one that is not there yet gets its retention from the next deployment.
    """
    broker_id = broker_arn.rpartition(":")[2]
    prefixes = (
        f"/aws/rds/instance/{APP}-{stage}/",
        f"/aws/rds/proxy/{APP}-{stage}",
        f"/aws/amazonmq/broker/{broker_id}/",
    )
    groups = [name for prefix in prefixes for name in _groups(logs, prefix)]
    for name in groups:
        logs.put_retention_policy(logGroupName=name, retentionInDays=retention_days)
    return len(groups)


def _groups(logs: AwsClient, prefix: str) -> list[str]:
    """Those within a folder, or the one of exactly this name: not `carillon-dev2` for `carillon-dev`."""
    pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
    names = [group["logGroupName"] for page in pages for group in page["logGroups"]]
    return [name for name in names if prefix.endswith("/") or name == prefix]
