"""What metrics are called in CloudWatch, and whose they are. A metric with other dimensions is another metric."""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.functions import APP, deployed_name

NAMESPACE = APP
SERVICE_VARIABLE = "POWERTOOLS_SERVICE_NAME"
"""Powertools adds its value as the dimension `service`: it tells the stages of one account apart."""


@dataclass(frozen=True, slots=True)
class Metric:
    """`statistic` is CloudWatch's: Sum, Maximum, Minimum, Average or a percentile such as p99."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: str


@dataclass(frozen=True, slots=True)
class Ratio:
    """How much of `whole` `part` is, as CloudWatch reckons it."""

    part: Metric
    whole: Metric


def service_of(stage: str) -> str:
    """The dimension `service` of a stage's metrics."""
    return f"{APP}-{stage}"


def own(stage: str, name: str, statistic: str, **dimensions: str) -> Metric:
    """A metric that our code emits."""
    return Metric(NAMESPACE, name, {**dimensions, "service": service_of(stage)}, statistic)


def of_function(stage: str, function: str, name: str, statistic: str) -> Metric:
    return Metric("AWS/Lambda", name, {"FunctionName": deployed_name(function, stage)}, statistic)


def of_api(gateway_stage: str, name: str, statistic: str) -> Metric:
    """Of the API with our name: stages of one account and region that share `gateway_stage` share this metric."""
    return Metric("AWS/ApiGateway", name, {"ApiName": APP, "Stage": gateway_stage}, statistic)


def of_database(stage: str, name: str, statistic: str) -> Metric:
    return Metric("AWS/RDS", name, {"DBInstanceIdentifier": f"{APP}-{stage}"}, statistic)


def of_proxy(stage: str, name: str, statistic: str) -> Metric:
    return Metric("AWS/RDS", name, {"ProxyName": f"{APP}-{stage}"}, statistic)


def of_broker(stage: str, name: str, statistic: str) -> Metric:
    return Metric("AWS/AmazonMQ", name, {"Broker": f"{APP}-{stage}"}, statistic)


def of_cache(stage: str, name: str, statistic: str) -> Metric:
    """Of the first node, which is the primary until it fails over."""
    return Metric("AWS/ElastiCache", name, {"CacheClusterId": f"{APP}-{stage}-001"}, statistic)
