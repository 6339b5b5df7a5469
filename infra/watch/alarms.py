"""Keeps the alarms of a stage as the list says, and tells whom they reach."""

from urllib.parse import urlsplit

from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from infra.functions import ALL, APP, deployed_name
from infra.target import AwsClient, Platform, Target
from infra.watch.alarm_list import Alarm, Watched, alarms_of
from infra.watch.metrics import Metric, Ratio

_MOST_AT_ONCE = 100
_CANARY = ("CANARY_EMAIL", "CANARY_DEVICE_TOKEN")


def ensure_alarms(target: Target, platform: Platform, *, api_url: str) -> int:
    """Create or change every alarm of the stage, delete those that are no longer in the list, and return how many.

    May be repeated. They tell the stage's topic, to which `ensure_recipient` subscribes people.
    """
    cloudwatch = target.client("cloudwatch")
    topic = _topic(target)
    alarms = alarms_of(_watched(target, platform, gateway_stage=urlsplit(api_url).path.rstrip("/").rpartition("/")[2]))
    for alarm in alarms:
        cloudwatch.put_metric_alarm(**_described(alarm, stage=target.stage, topic=topic))
    _delete(cloudwatch, _names(cloudwatch, target.stage) - {_name(target.stage, alarm) for alarm in alarms})
    return len(alarms)


def ensure_recipient(target: Target, email: str) -> None:
    """Subscribe this address to the stage's alarms, once. It gets a message first, which somebody must confirm."""
    sns = target.client("sns")
    topic = _topic(target)
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    if email not in {one["Endpoint"] for page in pages for one in page["Subscriptions"]}:
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=email)


def delete_alarms(target: Target) -> None:
    """Delete the stage's alarms and their topic. May be repeated."""
    cloudwatch = target.client("cloudwatch")
    _delete(cloudwatch, _names(cloudwatch, target.stage))
    target.client("sns").delete_topic(TopicArn=_topic(target))


def _watched(target: Target, platform: Platform, *, gateway_stage: str) -> Watched:
    lambda_ = target.client("lambda")
    timeouts_s = {name: _timeout_s(lambda_, deployed_name(name, target.stage)) for name in ALL}
    deployed = {name: timeout_s for name, timeout_s in timeouts_s.items() if timeout_s is not None}
    return Watched(
        stage=target.stage,
        gateway_stage=gateway_stage,
        timeouts_s=deployed,
        reserved=sum(_reserved(lambda_, deployed_name(name, target.stage)) for name in deployed),
        has_canary=any(platform.settings.get(name) for name in _CANARY),
    )


def _timeout_s(lambda_: AwsClient, name: str) -> int | None:
    """None is a function that is not deployed."""
    try:
        return int(lambda_.get_function_configuration(FunctionName=name)["Timeout"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise


def _reserved(lambda_: AwsClient, name: str) -> int:
    return int(lambda_.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions", 0))


def _topic(target: Target) -> str:
    """The ARN of the stage's topic, made if need be: the call is idempotent.

    It is not encrypted: CloudWatch publishes to an encrypted topic only with a key of one's own, and what is told here
    is the name of an alarm and a number.
    """
    arn: str = target.client("sns").create_topic(Name=f"{APP}-{target.stage}-alarms")["TopicArn"]
    return arn


def _described(alarm: Alarm, *, stage: str, topic: str) -> dict[str, object]:
    return {
        "AlarmName": _name(stage, alarm),
        "AlarmDescription": alarm.meaning,
        "AlarmActions": [topic],
        "OKActions": [topic],
        **_watching(alarm.metric, period_s=alarm.period_s),
        "EvaluationPeriods": alarm.of_periods or alarm.periods,
        "DatapointsToAlarm": alarm.periods,
        "Threshold": float(alarm.bound),
        "ComparisonOperator": alarm.comparison,
        "TreatMissingData": "breaching" if alarm.silence_rings else "notBreaching",
    }


def _watching(metric: Metric | Ratio, *, period_s: int) -> dict[str, object]:
    if isinstance(metric, Metric):
        kind = "ExtendedStatistic" if metric.statistic.startswith("p") else "Statistic"
        return {**_identified(metric), kind: metric.statistic, "Period": period_s}
    operands = {"part": metric.part, "whole": metric.whole}
    queries = [
        {
            "Id": name,
            "MetricStat": {"Metric": _identified(operand), "Stat": operand.statistic, "Period": period_s},
            "ReturnData": False,
        }
        for name, operand in operands.items()
    ]
    return {"Metrics": [{"Id": "ratio", "Expression": "part / whole", "ReturnData": True}, *queries]}


def _identified(metric: Metric) -> dict[str, object]:
    dimensions = [{"Name": name, "Value": value} for name, value in sorted(metric.dimensions.items())]
    return {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions}


def _name(stage: str, alarm: Alarm) -> str:
    return f"{_prefix(stage)}{alarm.name}"


def _prefix(stage: str) -> str:
    """What all names of the stage's alarms begin with, and nobody else's."""
    return f"{APP}-{stage}: "


def _names(cloudwatch: AwsClient, stage: str) -> set[str]:
    pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=_prefix(stage))
    return {alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"]}


def _delete(cloudwatch: AwsClient, names: set[str]) -> None:
    ordered = sorted(names)
    for start in range(0, len(ordered), _MOST_AT_ONCE):
        cloudwatch.delete_alarms(AlarmNames=ordered[start : start + _MOST_AT_ONCE])
