"""The JSON Schemas (2020-12) of all bodies and answers, each once, by name."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core.core_schema import DictSchema

Json = dict[str, Any]  # Any: JSON Schema, written and never looked into by the application
Mode = Literal["validation", "serialization"]

REFERENCE = "#/components/schemas/"


class _Written(GenerateJsonSchema):
    """Names alone tell what a field is, and a name that breaks the pattern of names is refused."""

    def field_title_should_be_set(self, _schema: object) -> bool:
        return False

    def dict_schema(self, schema: DictSchema) -> Json:
        written = super().dict_schema(schema)
        if "patternProperties" in written:
            written["additionalProperties"] = False
        return written


class Schemas:
    """The components/schemas of a document. What is sent is described as it is read, an answer as it is written."""

    def __init__(self, *, bodies: Iterable[type[BaseModel]], answers: Iterable[type[BaseModel]]) -> None:
        wanted: list[tuple[type[BaseModel], Mode]] = [(model, "validation") for model in _unique(bodies)]
        wanted += [(model, "serialization") for model in _unique(answers)]
        references, definitions = models_json_schema(
            wanted, ref_template=f"{REFERENCE}{{model}}", schema_generator=_Written
        )
        self._references = references
        self.components: Json = {
            name: {key: value for key, value in schema.items() if key != "title"}
            for name, schema in sorted(definitions.get("$defs", {}).items())
        }

    def body(self, model: type[BaseModel]) -> Json:
        """A reference to what may be sent."""
        return self._references[model, "validation"]

    def answer(self, model: type[BaseModel]) -> Json:
        """A reference to what is answered."""
        return self._references[model, "serialization"]

    def resolve(self, schema: Json) -> Json:
        """The schema itself, in place of a reference to it; what stands beside the reference stays."""
        if "$ref" not in schema:
            return schema
        target = self.components[schema["$ref"].removeprefix(REFERENCE)]
        return {**self.resolve(target), **{key: value for key, value in schema.items() if key != "$ref"}}


def _unique(models: Iterable[type[BaseModel]]) -> Sequence[type[BaseModel]]:
    """Each model once, in an order that does not depend on the routes'."""
    return sorted(set(models), key=lambda model: (model.__name__, model.__module__))
