"""Reads the settings. In: names and values of the environment and `.env`. Out: `Settings`, or all faults in words.

Values are stripped here, once: a file or a Kubernetes secret often ends in a line end that nobody meant.
"""

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from dotenv import dotenv_values
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource

from hub.errors import ConfigurationError
from hub.settings.groups import PREFIX
from hub.settings.tree import Settings

NOT_OURS: Final = tuple(PREFIX + rest for rest in ("TEST_", "PORT", "SERVICE_", "SIMULATE__", "TOKEN"))
"""Names for the test suite, what Kubernetes injects for a service called osr-hub, options of `osr-hub simulate`,
and the token of who gives a command."""


class _GivenNames(EnvSettingsSource):
    """Takes nested names apart as the library does, from the names that it is given."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = {name.lower(): value for name, value in names.items() if value}
        super().__init__(Settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._names


def load(environment: Mapping[str, str] | None = None, dotenv: Path = Path(".env")) -> Settings:
    """Read the settings; the environment goes before `dotenv`.

    Raises `ConfigurationError` that names everything that is wrong: unknown names and values that cannot be used.
    """
    given = given_values(environment, dotenv)
    names = {name: value for name, value in given.items() if not name.upper().startswith(NOT_OURS)}
    known = tuple(known_names())
    faults = [_describe_unknown(name, known) for name in sorted(names) if name.upper() not in known]
    settings = None
    try:
        settings = Settings(**_GivenNames({name: value for name, value in names.items() if name.upper() in known})())
    except ValidationError as error:
        faults += [_describe_invalid(fault) for fault in error.errors(include_url=False, include_input=False)]
    if settings is None or faults:
        raise ConfigurationError("the settings are wrong:\n" + "\n".join(f"  {fault}" for fault in faults))
    return settings


def given_values(environment: Mapping[str, str] | None = None, dotenv: Path = Path(".env")) -> dict[str, str]:
    """Return every `OSR_HUB_` name with its value, stripped; the environment goes before `dotenv`.

    Raises `ConfigurationError` when `dotenv` or a value is not UTF-8, or `dotenv` cannot be read.
    """
    try:
        written = dotenv_values(dotenv)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{dotenv} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}",
            next_step="Repair the file, or start elsewhere.",
        ) from error
    found = {name: value or "" for name, value in written.items()} | dict(
        os.environ if environment is None else environment
    )
    given = {name: value.strip() for name, value in found.items() if name.upper().startswith(PREFIX)}
    garbled = sorted(name for name, value in given.items() if not _is_utf8(name + value))
    if garbled:
        shown = ", ".join(name.encode(errors="backslashreplace").decode() for name in garbled)
        raise ConfigurationError(f"the settings are wrong:\n  {shown}: not UTF-8")
    return given


def known_names(model: type[BaseModel] = Settings, above: str = PREFIX) -> Iterator[str]:
    """Yield the name of every setting, as the environment writes it."""
    for field, about in model.model_fields.items():
        if isinstance(about.annotation, type) and issubclass(about.annotation, BaseModel):
            yield from known_names(about.annotation, f"{above}{field.upper()}__")
        else:
            yield str(about.validation_alias or f"{above}{field.upper()}")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _describe_unknown(name: str, known: tuple[str, ...]) -> str:
    nearest = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0)
    return f"{name} is not a setting; did you mean {nearest[0]}?"


def _describe_invalid(fault: ErrorDetails) -> str:
    steps = [str(step) for step in fault["loc"]]
    depth = len(steps) if steps and steps[0].startswith(PREFIX) else 2
    name = "__".join(step.upper() for step in steps[:depth])
    message = fault["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{name if name.startswith(PREFIX) else PREFIX + name}: {message}"
