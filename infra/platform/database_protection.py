"""Deletion protection of PostgreSQL: it is a person who takes it away, in a step of its own."""

from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from infra.errors import StepFailed
from infra.functions import APP
from infra.target import AwsClient


def demand_unprotected(rds: AwsClient, *, stage: str, region: str) -> None:
    """Return when the stage's database may be deleted, or is not there.

    Raises:
        StepFailed: it is protected; nothing was deleted.
    """
    name = f"{APP}-{stage}"
    try:
        instances = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
    except ClientError as error:
        if error.response["Error"]["Code"] in {"DBInstanceNotFound", "DBInstanceNotFoundFault"}:
            return
        raise
    if any(instance["DeletionProtection"] for instance in instances):
        raise StepFailed(
            f"The database {name} is protected from deletion: nothing was deleted.",
            remedy="If all that it holds may go: "
            f"aws rds modify-db-instance --region {region} --db-instance-identifier {name} --no-deletion-protection",
        )
