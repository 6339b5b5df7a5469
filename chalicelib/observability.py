"""Logs, metrics and the correlation id: the only place that knows Powertools' singletons.

Every line is one JSON object with a constant message and its variables as keys. INFO is an outcome, WARNING is
retryable, ERROR is for a person. No address, body or token is ever given to it.
"""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

SERVICE = "carillon"

_logger = Logger(service=SERVICE, location=None)


class PowertoolsLog:
    """Satisfies the services' `Log` port."""

    def info(self, message: str, **fields: object) -> None:
        _logger.info(message, extra=_named(fields))

    def warning(self, message: str, **fields: object) -> None:
        _logger.warning(message, extra=_named(fields))

    def error(self, message: str, **fields: object) -> None:
        _logger.error(message, extra=_named(fields))

    def exception(self, message: str, **fields: object) -> None:
        """An ERROR with the stack of the exception that is being handled."""
        _logger.exception(message, extra=_named(fields))

    def count(self, metric: str, value: int = 1, **dimensions: str) -> None:
        """One metric with its own dimensions, in CloudWatch's embedded format."""
        with single_metric(name=metric, unit=MetricUnit.Count, value=value, namespace=SERVICE) as single:
            for name, text in dimensions.items():
                single.add_dimension(name=name, value=text)


log = PowertoolsLog()


def _named(fields: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
