"""Logs, metrics and the correlation id: the only place that knows Powertools' singletons.

Every line is one JSON object with a constant message and its variables as keys. INFO is an outcome, WARNING is
retryable, ERROR is for a person. No address, body or token is ever given to it.
"""

import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def _not_to_be_had(module: str) -> Iterator[None]:
    """Let the first import of this module fail within the block, as it does where it is not installed."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment] # Python's reference, 5.3.1: an entry that is None
    try:
        yield
    finally:
        del sys.modules[module]


# Powertools imports botocore in order to name itself to AWS: only a function that speaks to AWS pays for botocore.
with _not_to_be_had("botocore"):
    from aws_lambda_powertools import Logger
    from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit, single_metric

SERVICE = "carillon"
_MOST_CAUSES = 5
_MOST_FRAMES = 40
"""A recursion without end has thousands, which say no more than the last of them."""

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
        """An ERROR with the kinds and the stacks of the exception that is being handled, and of what caused it.

        What an exception says is left out: a driver quotes the row that it stumbled over, a parser its input.
        """
        error = sys.exception()
        _logger.error(message, extra=_named(fields) | {"raised": [] if error is None else told(error)})

    def count(self, metric: str, value: int = 1, **dimensions: str) -> None:
        """One metric with its own dimensions, in CloudWatch's embedded format."""
        with single_metric(name=metric, unit=MetricUnit.Count, value=value, namespace=SERVICE) as single:
            for name, text in dimensions.items():
                single.add_dimension(name=name, value=text)

    def gauge(self, values: Mapping[str, float], **dimensions: str) -> None:
        """Several metrics with the same dimensions: in seconds when the name ends in `_s`, else a count."""
        metrics = EphemeralMetrics(namespace=SERVICE)
        for name, value in values.items():
            metrics.add_metric(name, MetricUnit.Seconds if name.endswith("_s") else MetricUnit.Count, value)
        for name, text in dimensions.items():
            metrics.add_dimension(name, text)
        metrics.flush_metrics()


log = PowertoolsLog()


def told(error: BaseException) -> list[dict[str, object]]:
    """The exception and its causes, the latest first: its class, and file, line and function of each of its frames."""
    told: list[dict[str, object]] = []
    following: BaseException | None = error
    while following is not None and len(told) < _MOST_CAUSES:
        frames = [
            f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(following.__traceback__)
        ]
        kind = type(following)
        told.append({"kind": f"{kind.__module__}.{kind.__qualname__}", "stack": frames[-_MOST_FRAMES:]})
        following = following.__cause__ or following.__context__
    return told


def _named(fields: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
