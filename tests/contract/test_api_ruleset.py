"""The rules of the API Design Rules that a machine can check on a description, by the names of their ruleset (2.1).

The published ruleset is in no package registry and is not fetched; what each of its rules checks is written out here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.support.api.client import Client

METHODS: Final = {"get", "put", "post", "delete", "patch", "head", "options"}
SEMVER: Final = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[\w.-]+)?(\+[\w.-]+)?")
KEBAB: Final = re.compile(r"(/([a-z0-9-]+|\{\w+\}))+")
CAMEL: Final = re.compile(r"[a-z][a-zA-Z0-9]*")
PASCAL: Final = re.compile(r"[A-Z][a-zA-Z0-9]*")

Document = dict[str, Any]


def operations(document: Document) -> Iterator[tuple[str, Document]]:
    """List all calls, named by method and path."""
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            yield f"{method} {path}", call


def responses(document: Document, kinds: str) -> Iterator[tuple[str, Document]]:
    """List the responses whose status begins with one of these digits, references followed."""
    for name, call in operations(document):
        for status, response in call["responses"].items():
            if status[0] in kinds:
                found = response
                if "$ref" in response:
                    found = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
                yield f"{name} {status}", found


def without_problem(document: Document) -> list[str]:
    """Return the errors that are described as anything but a problem."""
    return [
        name for name, found in responses(document, "45") if "application/problem+json" not in found.get("content", {})
    ]


def odd_queries(document: Document) -> list[str]:
    """Return the query parameters that are not in lower-camel case."""
    return [
        f"{name} {each['name']}"
        for name, call in operations(document)
        for each in call.get("parameters", [])
        if each["in"] == "query" and not CAMEL.fullmatch(each["name"])
    ]


def odd_properties(document: Document) -> list[str]:
    """Return the members of bodies that are not in lower-camel case."""
    return [
        f"{schema} {member}"
        for schema, found in document["components"]["schemas"].items()
        for member in found.get("properties", {})
        if not CAMEL.fullmatch(member)
    ]


RULES: Final[dict[str, Callable[[Document], Iterable[object]]]] = {
    "openapi-root-exists": lambda d: [] if "openapi" in d else ["no openapi"],
    "openapi3": lambda d: [] if d["openapi"].startswith("3.") else [d["openapi"]],
    "oas3-api-servers": lambda d: [] if d["servers"] else ["no servers"],
    "semver": lambda d: [] if SEMVER.fullmatch(d["info"]["version"]) else [d["info"]["version"]],
    "info-contact-fields-exist": lambda d: {"email", "name", "url"} - d["info"]["contact"].keys(),
    "include-major-version-in-uri": lambda d: [s for s in d["servers"] if not re.search(r"/v\d+", s["url"])],
    "paths-no-trailing-slash": lambda d: [path for path in d["paths"] if path.endswith("/")],
    "paths-kebab-case": lambda d: [path for path in d["paths"] if not KEBAB.fullmatch(path)],
    "http-methods": lambda d: [name for name, _ in operations(d) if name.split()[0] not in METHODS],
    "missing-header": lambda d: [name for name, found in responses(d, "23") if not found.get("headers")],
    "missing-version-header": lambda d: [
        name for name, found in responses(d, "23") if "API-Version" not in found.get("headers", {})
    ],
    "use-problem-schema": without_problem,
    "query-keys-camel-case": odd_queries,
    "property-casing": odd_properties,
    "schema-camel-case": lambda d: [n for n in d["components"]["schemas"] if not PASCAL.fullmatch(n.replace("_", ""))],
}


async def test_the_description_keeps_every_rule(hub: Client) -> None:
    """Nothing of the description breaks one; `servers-use-https` depends on where a hub is installed."""
    document: Document = hub.app.openapi()  # type: ignore[attr-defined]  # the application is FastAPI's
    broken = {name: found for name, rule in RULES.items() if (found := sorted(map(str, rule(document))))}
    assert broken == {}


def test_each_rule_finds_what_breaks_it() -> None:
    """A description that breaks all of them is found to break all of them."""
    wrong: Document = {
        "openapi": "2.0",
        "info": {"version": "1.0", "contact": {}},
        "servers": [{"url": "https://hub.example"}],
        "paths": {
            "/Wrong_path/": {
                "trace": {
                    "responses": {"200": {}, "400": {"content": {"text/plain": {}}}},
                    "parameters": [{"in": "query", "name": "snake_case"}],
                }
            }
        },
        "components": {"responses": {}, "schemas": {"lower": {"properties": {"snake_case": {}}}}},
    }
    kept = {name for name, rule in RULES.items() if not list(rule(wrong))}
    assert kept == {"openapi-root-exists", "oas3-api-servers"}
