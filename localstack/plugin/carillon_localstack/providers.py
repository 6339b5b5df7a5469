"""The AWS services that this plug-in provides to LocalStack. Nothing is imported before the first request for one."""

from pathlib import Path

from localstack import config
from localstack.services.plugins import Service, aws_provider


@aws_provider(api="lambda", name="carillon")
def lambda_() -> Service:
    """LocalStack's Lambda, with event source mappings for Amazon MQ."""
    from carillon_localstack.lambda_provider import MqLambdaProvider  # noqa: PLC0415 - on demand

    return Service.for_provider(MqLambdaProvider())


@aws_provider(api="s3", name="carillon")
def s3() -> Service:
    """LocalStack's S3, with its objects in LocalStack's own folder: its default is one in /tmp that all users share."""
    from localstack.services.s3.provider import S3Provider  # noqa: PLC0415 - on demand
    from localstack.services.s3.storage.ephemeral import EphemeralS3ObjectStore  # noqa: PLC0415 - on demand

    return Service.for_provider(S3Provider(EphemeralS3ObjectStore(str(Path(config.dirs.tmp) / "s3"))))


@aws_provider()
def mq() -> Service:
    """Amazon MQ, as far as moto has it."""
    from carillon_localstack.mq_provider import MqProvider, moto_table  # noqa: PLC0415 - on demand

    return Service.for_provider(MqProvider(), dispatch_table_factory=moto_table)
