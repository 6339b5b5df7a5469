"""Amazon MQ for LocalStack: brokers can be created and described, and there is nothing behind them."""

from localstack.aws.api import RequestContext, ServiceRequest, ServiceResponse
from localstack.aws.skeleton import DispatchTable
from localstack.aws.spec import load_service
from localstack.services.moto import call_moto


class MqProvider:
    """Implements nothing itself; `moto_table` says who does."""

    service = "mq"


def moto_table(provider: MqProvider) -> DispatchTable:
    """Every operation of the service, answered by the moto that LocalStack brings."""
    return dict.fromkeys(load_service(provider.service).operation_names, _ask_moto)


def _ask_moto(context: RequestContext, _request: ServiceRequest) -> ServiceResponse:
    return call_moto(context)
