"""The AWS services that this plug-in provides to LocalStack. Nothing is imported before the first request for one."""

from localstack.services.plugins import Service, aws_provider


@aws_provider(api="lambda", name="carillon")
def lambda_() -> Service:
    """LocalStack's Lambda, with event source mappings for Amazon MQ."""
    from carillon_localstack.lambda_provider import MqLambdaProvider  # noqa: PLC0415 - on demand

    return Service.for_provider(MqLambdaProvider())


@aws_provider()
def mq() -> Service:
    """Amazon MQ, as far as moto has it."""
    from carillon_localstack.mq_provider import MqProvider, moto_table  # noqa: PLC0415 - on demand

    return Service.for_provider(MqProvider(), dispatch_table_factory=moto_table)
