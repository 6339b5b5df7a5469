"""The secrets of a stack in LocalStack's Secrets Manager, where deployed functions read them as they do in AWS."""

from dataclasses import dataclass

from infra.target import AwsClient


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """`version` is another one as soon as the value is."""

    arn: str
    version: str


def store_secret(manager: AwsClient, name: str, value: str) -> StoredSecret:
    """Return the secret of this name with this value: made, changed, or left as it is."""
    try:
        stored = manager.get_secret_value(SecretId=name)
    except manager.exceptions.ResourceNotFoundException:
        stored = manager.create_secret(Name=name, SecretString=value)
    else:
        if stored["SecretString"] != value:
            stored = manager.put_secret_value(SecretId=name, SecretString=value)
    return StoredSecret(arn=stored["ARN"], version=stored["VersionId"])
