"""From an OpenAPI document (3.x, JSON) to a mapping: which operation predicts, and how."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from strongroom.errors import InputError
from strongroom.models.foreign._mapping import _ROW, _ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_POINTS = {"proba": 4, "predict": 3, "classif": 2, "score": 2, "infer": 2, "invocation": 2}
_CHANCES = re.compile(r"prob|score|confidence", re.IGNORECASE)
_ANSWERS = re.compile(r"predict|output|result|label|class", re.IGNORECASE)
_DEEPEST = 20
_HINT = (
    "write a mapping instead (a TOML file with url, [request] and [response]; see docs/formats.md)"
)


def mapping_from(document: Mapping[str, Any], base: str) -> dict[str, Any]:
    """Return the keys of a mapping for the operation that predicts.

    Args:
        document: OpenAPI 3, parsed.
        base: the address that it came from, or empty.

    Raises:
        InputError: no operation whose request holds rows and whose answer says probabilities.
    """
    reader = _Reader(document)
    best: tuple[int, dict[str, Any]] | None = None
    for path, method, operation in _operations(document):
        words = f"{path} {operation.get('operationId', '')} {operation.get('summary', '')}"
        score = sum(points for word, points in _POINTS.items() if word in words.lower())
        found = reader.mapping(operation)
        if score and found is not None and (best is None or score > best[0]):
            best = score, {"url": _address(document, base, path), "method": method, **found}
    if best is None:
        raise InputError(
            "the OpenAPI document has no operation that takes rows and says what it answers",
            where=base or None,
            hint=_HINT,
        )
    return best[1]


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    paths = document.get("paths")
    for path, methods in paths.items() if isinstance(paths, dict) else ():
        for method in ("post", "put"):
            operation = methods.get(method) if isinstance(methods, dict) else None
            if isinstance(operation, dict):
                yield str(path), method.upper(), operation


def _address(document: Mapping[str, Any], base: str, path: str) -> str:
    servers = document.get("servers")
    told = servers[0].get("url", "") if isinstance(servers, list) and servers else ""
    root = urljoin(base, str(told) or "/") if base else str(told)
    if not root.startswith(("http://", "https://")):
        raise InputError(
            "the OpenAPI document doesn't say where its server is",
            hint="give the document's own address, or write url in a mapping",
        )
    return root.rstrip("/") + path


class _Reader:
    """Reads schemas of one document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def mapping(self, operation: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return body, row, columns and paths of an operation; None where it can't be told."""
        asked = self._content(operation.get("requestBody"))
        responses = operation.get("responses")
        told = responses if isinstance(responses, dict) else {}
        answered = self._content(told.get("200") or told.get("201") or told.get("default"))
        request = self._request(asked)
        if request is None:
            return None
        single = request["request"]["body"] == _ROW or _ROW in str(request["request"]["body"])
        many = not (single and _ROWS not in str(request["request"]["body"]))
        response = self._response(answered, many=many)
        if response is None:
            return None
        return {**request, "response": response}

    def _content(self, part: Any) -> Mapping[str, Any]:  # noqa: ANN401 - JSON
        body = self._resolved(part)
        content = body.get("content")
        kinds = content if isinstance(content, dict) else {}
        json_kind = kinds.get("application/json")
        return self._resolved(json_kind.get("schema") if isinstance(json_kind, dict) else None)

    def _resolved(self, schema: Any) -> Mapping[str, Any]:  # noqa: ANN401 - JSON
        for _ in range(_DEEPEST):
            if not isinstance(schema, dict):
                return {}
            reference = schema.get("$ref")
            if isinstance(reference, str) and reference.startswith("#/"):
                schema = self._document
                for step in reference[2:].split("/"):
                    name = step.replace("~1", "/").replace("~0", "~")
                    schema = schema.get(name) if isinstance(schema, dict) else None
                continue
            options = schema.get("allOf") or schema.get("anyOf") or schema.get("oneOf")
            if isinstance(options, list) and options and "type" not in schema:
                plain = [o for o in options if isinstance(o, dict) and o.get("type") != "null"]
                schema = plain[0] if plain else None
                continue
            return schema
        return {}

    def _properties(self, schema: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        told = schema.get("properties")
        found = told if isinstance(told, dict) else {}
        return {str(name): self._resolved(part) for name, part in found.items()}

    def _request(self, schema: Mapping[str, Any]) -> dict[str, Any] | None:
        row = self._row(schema)
        if row is not None:
            return self._asked(_ROWS, row)
        parts = self._properties(schema)
        lists = {name: part for name, part in parts.items() if part.get("type") == "array"}
        for name, part in lists.items():
            row = self._row(part)
            if row is not None:
                return self._asked({**_defaults(parts), name: _ROWS}, row)
        if len(lists) == 1 and len(parts) == 1:
            return self._asked({next(iter(lists)): _ROW}, {"row": "list"})
        if parts and all(_is_plain(part) for part in parts.values()):
            return self._asked(_ROW, {"row": "object", "columns": list(parts)})
        return None

    def _row(self, schema: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return how the rows in an array are written; None for an array of something else."""
        if schema.get("type") != "array":
            return None
        item = self._resolved(schema.get("items"))
        if item.get("type") == "array":
            return {"row": "list"}
        parts = self._properties(item)
        if parts and all(_is_plain(part) for part in parts.values()):
            return {"row": "object", "columns": list(parts)}
        return None

    @staticmethod
    def _asked(body: Any, row: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401
        found: dict[str, Any] = {"request": {"body": body, "row": row["row"]}}
        if row.get("columns"):
            found["columns"] = row["columns"]
        return found

    def _response(self, schema: Mapping[str, Any], *, many: bool) -> dict[str, str] | None:
        prefix = ""
        if schema.get("type") == "array" and many:
            inner = self._resolved(schema.get("items"))
            if not self._properties(inner):
                return {"probabilities": "[]"} if inner.get("type") in {"array", "number"} else None
            schema, prefix = inner, "[]."
        parts = self._properties(schema)
        for pattern in (_CHANCES, _ANSWERS):
            for name, part in parts.items():
                if not pattern.search(name):
                    continue
                inner = self._resolved(part.get("items")) if part.get("type") == "array" else {}
                deeper = self._response(inner, many=False) if self._properties(inner) else None
                if deeper is not None and many and not prefix:
                    return {kind: f"{name}[].{path}" for kind, path in deeper.items()}
                texts = "string" in {part.get("type"), inner.get("type")}
                kind = "label" if texts or _says_label(name, part, inner) else "probabilities"
                return {kind: prefix + name}
        return None


def _says_label(name: str, part: Mapping[str, Any], inner: Mapping[str, Any]) -> bool:
    whole = "integer" in {part.get("type"), inner.get("type")}
    return whole or bool(re.search("label|class", name, re.IGNORECASE))


def _is_plain(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") in {"number", "integer", "string", "boolean"}


def _defaults(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {name: part["default"] for name, part in parts.items() if "default" in part}
