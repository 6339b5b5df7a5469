"""LocalStack's Lambda, with event source mappings for RabbitMQ on Amazon MQ."""

from datetime import datetime
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.api.lambda_ import InvalidParameterValueException, ListEventSourceMappingsResponse
from localstack.services.lambda_.event_source_mapping.esm_config_factory import EsmConfigFactory
from localstack.services.lambda_.invocation.models import lambda_stores
from localstack.services.lambda_.provider import LambdaProvider
from localstack.utils.aws.arns import extract_service_from_arn

from carillon_localstack.mq_consumer import open_consumer
from carillon_localstack.mq_request import (
    DEFAULT_BATCH_SIZE,
    InvalidMapping,
    MappingSettings,
    check_mapping,
    check_timeout,
)
from carillon_localstack.mq_worker import MqWorker

# LocalStack's typed dictionaries: requests, configurations, and what its methods pass on.
Config = dict[str, Any]


class MqLambdaProvider(LambdaProvider):
    """Everything that is not about a mapping of Amazon MQ is left to LocalStack."""

    def validate_event_source_mapping(self, context: RequestContext, request: Config) -> Any:
        """As LocalStack does, and what Lambda checks for Amazon MQ."""
        if not _is_of_mq(request):
            return super().validate_event_source_mapping(context, request)
        try:
            check_mapping(request)
            valid = super().validate_event_source_mapping(context, request)
            _, _, _, function_version, _ = valid
            check_timeout(function_version.config.timeout)
        except InvalidMapping as refusal:
            raise InvalidParameterValueException(str(refusal), Type="User") from refusal
        return valid

    def create_event_source_mapping_v2(self, context: RequestContext, request: Config) -> Config:
        """A new mapping begins by itself, if enabled."""
        if not _is_of_mq(request):
            return dict(super().create_event_source_mapping_v2(context, request))
        arn, _, state, _, _ = self.validate_event_source_mapping(context, request)
        config = {"BatchSize": DEFAULT_BATCH_SIZE, **EsmConfigFactory(request, context, arn).get_esm_config()}
        uuid = config["UUID"]
        worker = MqWorker(
            uuid=uuid, open_mapping=open_consumer, forget=lambda: state.event_source_mappings.pop(uuid, None)
        )
        state.event_source_mappings[uuid] = config
        self.esm_workers[uuid] = worker
        if tags := request.get("Tags"):
            self._store_tags(config["EventSourceMappingArn"], tags)
        worker.create(MappingSettings.parse(config), enabled=request.get("Enabled", True))
        return self._as_it_is(config)

    def update_event_source_mapping_v2(self, context: RequestContext, request: Config) -> Config:
        """A change takes effect when the batch under way is settled."""
        uuid = request["UUID"]
        worker = self.esm_workers.get(uuid)
        if not isinstance(worker, MqWorker):
            return dict(super().update_event_source_mapping_v2(context, request))
        mappings = lambda_stores[context.account_id][context.region].event_source_mappings
        config = {**mappings[uuid], **request}
        config["FunctionArn"], *_ = self.validate_event_source_mapping(context, config)
        config["LastModified"] = datetime.now()  # noqa: DTZ005 - as LocalStack stores it
        for name in ("FunctionName", "Enabled"):
            config.pop(name, None)
        mappings[uuid] = config
        worker.update(MappingSettings.parse(config), enabled=request.get("Enabled", worker.enabled))
        return self._as_it_is(config)

    def get_event_source_mapping(self, context: RequestContext, uuid: str, **kwargs: object) -> Config:
        """Also one that is being deleted: whoever makes another of the same function and broker waits for its end."""
        config = lambda_stores[context.account_id][context.region].event_source_mappings.get(uuid)
        if config is not None and uuid not in self.esm_workers and _is_of_mq(config):
            return dict(config)
        found: Config = super().get_event_source_mapping(context, uuid, **kwargs)
        return found

    def list_event_source_mappings(
        self, context: RequestContext, *args: object, **kwargs: object
    ) -> ListEventSourceMappingsResponse:
        """With the states of this moment."""
        for config in list(lambda_stores[context.account_id][context.region].event_source_mappings.values()):
            self._as_it_is(config)
        return super().list_event_source_mappings(context, *args, **kwargs)

    def delete_event_source_mapping(self, context: RequestContext, uuid: str, **kwargs: object) -> Config:
        """It is there until the batch under way is settled."""
        deleted: Config = super().delete_event_source_mapping(context, uuid, **kwargs)
        config = lambda_stores[context.account_id][context.region].event_source_mappings.get(uuid)
        if config is not None:
            config["State"] = "Deleting"
        return deleted

    def _as_it_is(self, config: Config) -> Config:
        """The stored configuration, brought up to date, in a copy."""
        worker = self.esm_workers.get(config["UUID"])
        if isinstance(worker, MqWorker):
            config.update(State=worker.current_state, StateTransitionReason=worker.state_transition_reason)
        return dict(config)


def _is_of_mq(request: Config) -> bool:
    return bool(extract_service_from_arn(request.get("EventSourceArn") or "") == "mq")
