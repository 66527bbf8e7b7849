"""The OpenAPI 3.1 document, made from the route table and the models: what is served is what is described."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib import metadata
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from acd.api.auth import TICKET_COOKIE
from acd.api.models import Delta, Nothing, Snapshot
from acd.api.problems import CONTENT_TYPE, KINDS, Problem
from acd.api.routing import Route

Json = dict[str, Any]

_REF: Final = "#/components/schemas/{model}"
_ABOUT: Final = (
    "Times are ISO 8601 with offset, durations are seconds in fields ending `_s`, ids are strings. "
    "Roles: agent < supervisor < admin; `x-role` is the smallest that may call, `x-own-only` means that an agent's "
    "token reaches only its own agent and calls. Every error is an RFC 9457 problem; look at its `code`."
)
_SECURITY: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "made by `acd token create`"},
    "ticket": {"type": "apiKey", "in": "cookie", "name": TICKET_COOKIE, "description": "from POST /api/v1/session"},
}


def document(routes: Sequence[Route]) -> bytes:
    """The document as JSON text."""
    listed = [route for route in routes if route.listed]
    paths: Json = {}
    for route in listed:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return json.dumps(
        {
            "openapi": "3.1.0",
            "info": {"title": "asterisk-acd", "version": metadata_version(), "description": _ABOUT},
            "paths": paths,
            "components": {"schemas": _schemas(listed), "securitySchemes": _SECURITY},
            "x-problems": [{"code": code, "status": kind.status, "title": kind.title} for code, kind in KINDS.items()],
        },
        ensure_ascii=False,
    ).encode()


def metadata_version() -> str:
    """The version of the installed package, `0` when it runs from a checkout that was never installed."""
    try:
        return metadata.version("asterisk-acd")
    except metadata.PackageNotFoundError:
        return "0"


def _schemas(routes: Sequence[Route]) -> Json:
    bodies = {route.body for route in routes} - {Nothing}
    answers: set[type[BaseModel]] = {Snapshot, Delta, Problem}
    for route in routes:
        if not isinstance(route.answer, str):
            answers.add(route.answer)
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        (model, "serialization") for model in sorted(answers, key=_name)
    ]
    wanted += [(model, "validation") for model in sorted(bodies, key=_name)]
    _, schema = models_json_schema(wanted, ref_template=_REF)
    return dict(sorted(schema["$defs"].items()))


def _name(model: type[BaseModel]) -> str:
    return model.__name__


def _operation(route: Route) -> Json:
    operation: Json = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "description": route.description,
        "tags": [route.tag],
        "parameters": [*_path_parameters(route), *_query_parameters(route)],
        "responses": _responses(route),
        "x-role": route.role.name.lower() if route.role else None,
        "x-own-only": route.own_only,
        "security": [],
    }
    if route.role is not None:
        operation["security"] = [{"bearer": []}, *([{"ticket": []}] if route.ticket else [])]
    if route.body is not Nothing:
        content = {"application/json": {"schema": {"$ref": _REF.format(model=route.body.__name__)}}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _operation_id(route: Route) -> str:
    words = re.findall(r"\w+", route.path.removeprefix("/api/v1"))
    return "_".join([route.method.lower(), *words])


def _path_parameters(route: Route) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]


def _query_parameters(route: Route) -> list[Json]:
    schema = route.query.model_json_schema(by_alias=True)
    found = []
    for name, field in schema.get("properties", {}).items():
        about = {key: value for key, value in field.items() if key not in {"title", "description", "default"}}
        found.append(
            {
                "name": name,
                "in": "query",
                "required": name in schema.get("required", ()),
                "description": field.get("description", ""),
                "schema": _without_null(about),
            }
        )
    return found


def _without_null(schema: Json) -> Json:
    """A parameter is there or not, but never null."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    return (
        {**{key: value for key, value in schema.items() if key != "anyOf"}, **kinds[0]} if len(kinds) == 1 else schema
    )


def _responses(route: Route) -> Json:
    if isinstance(route.answer, str):
        content: Json = {route.answer: {"schema": {"type": "object" if "json" in route.answer else "string"}}}
    else:
        content = {"application/json": {"schema": {"$ref": _REF.format(model=route.answer.__name__)}}}
    responses: Json = {"200": {"description": route.summary, "content": content}}
    if route.path == "/readyz":
        responses["503"] = {"description": "Not ready; `reasons` say why", "content": content}
    for code in _codes(route):
        kind = KINDS[code]
        description = f"`{code}`: {kind.title}"
        known = responses.get(str(kind.status))
        if known:
            description = f"{known['description']}; {description}"
        responses[str(kind.status)] = {"description": description, "content": _PROBLEM}
    responses["default"] = {"description": "Any other problem", "content": _PROBLEM}
    return responses


def _codes(route: Route) -> list[str]:
    secured = ["unauthorized", "forbidden"] if route.role else []
    asked = ["invalid"] if route.query is not Nothing or route.body is not Nothing else []
    sent = ["bad_request", "too_large"] if route.body is not Nothing else []
    return [*secured, *sent, *asked, *route.codes]


_PROBLEM: Final = {CONTENT_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}}
