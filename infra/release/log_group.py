"""The log group of the HTTP function, which Chalice misses: it keeps one of another name, for it names the function so.

All other functions' groups are Chalice's, with the same retention.
"""

from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from infra import functions
from infra.functions import deployed_name
from infra.target import AwsClient


def ensure_log_group(*, logs: AwsClient, stage: str, retention_days: int) -> None:
    """Have the group with this retention, before the function makes one that keeps everything for ever."""
    name = f"/aws/lambda/{deployed_name(functions.HTTP, stage)}"
    try:
        logs.create_log_group(logGroupName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise
    logs.put_retention_policy(logGroupName=name, retentionInDays=retention_days)


def delete_log_groups(*, logs: AwsClient, stage: str) -> None:
    """Delete the groups of the stage's functions, with all that is in them. Chalice leaves them behind."""
    for prefix in (f"/aws/lambda/{functions.APP}-{stage}-", f"/aws/lambda/{functions.APP}-{stage}"):
        pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
        for name in [group["logGroupName"] for page in pages for group in page["logGroups"]]:
            if name == prefix or prefix.endswith("-"):
                logs.delete_log_group(logGroupName=name)
