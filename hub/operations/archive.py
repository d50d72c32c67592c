"""Keep what retention deletes. In: rows as JSON texts, before their deletion commits. Out: files of CSV, gzipped.

A file is complete and on the disk before the transaction that deletes its rows commits. A run that ends in between has
deleted nothing, and the next one writes the same rows again: under the same name where the portion is the same, because
a file is named after its content. So a row can be in two files, with the same key, and it is never in none.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import orjson

from hub.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PRIVATE_FILE: Final = 0o600
PRIVATE_FOLDER: Final = 0o700
UNFINISHED: Final = ".part"
DIGITS: Final = 20


@dataclass(frozen=True, slots=True)
class Archive:
    """A folder of files, one per portion and kind of rows, that only their owner can read."""

    folder: Path

    def prepare(self) -> None:
        """Make the folder, and remove what a run that was killed left unfinished; `Unavailable` when that fails."""
        try:
            self.folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            for unfinished in self.folder.glob(f"*{UNFINISHED}"):
                unfinished.unlink()
        except OSError as error:
            raise _not_written(self.folder, error) from error

    def keep(self, removed: Mapping[str, Sequence[str]]) -> None:
        """Write rows, by kind, and return when the disk has them; `Unavailable` when that fails."""
        try:
            for kind, rows in removed.items():
                if rows:
                    self._write(kind, _as_csv(rows))
            self._sync_folder()
        except OSError as error:
            raise _not_written(self.folder, error) from error

    def _write(self, kind: str, content: bytes) -> None:
        path = self.folder / f"{kind}-{sha256(content).hexdigest()[:DIGITS]}.csv.gz"
        unfinished = path.with_name(f"{path.name}{UNFINISHED}")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(gzip.compress(content, mtime=0))
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)

    def _sync_folder(self) -> None:
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _as_csv(rows: Sequence[str]) -> bytes:
    """Return rows in an order that depends on nothing but them, under the names of their columns."""
    values = [orjson.loads(row) for row in sorted(rows)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(values[0])
    writer.writerows([_as_text(value) for value in row.values()] for row in values)
    return text.getvalue().encode()


def _as_text(value: Any) -> Any:  # noqa: ANN401 - a value of JSON
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value


def _not_written(folder: Path, error: OSError) -> Unavailable:
    return Unavailable(
        f"the archive in {folder} cannot be written: {error.strerror or error}",
        next_step="Nothing of this portion was deleted. Make room, or name another folder, and run it again.",
    )
