"""Use cases: files become schools, systems and mandates.

In: the bytes of a CSV file, a connection inside the caller's transaction, the moment. Out: rows of the register, and
for mandates numbered events, all of a school in one change. Next: producers.relay. A file is taken whole or not at
all: `InvalidInput` names every bad row with its line.
"""

from hub.imports.mandates import import_mandates
from hub.imports.result import Imported, Progress, SchoolsImported, ToAccept, Withdrawal, no_progress
from hub.imports.schools import (
    MOST_WITHDRAWN,
    NeedsAcceptance,
    SchoolImportOptions,
    acceptance_options,
    acceptance_reasons,
    import_schools,
    withdrawals_by_system,
)
from hub.imports.systems import import_systems, register_system, system_entry

__all__ = [
    "MOST_WITHDRAWN",
    "Imported",
    "NeedsAcceptance",
    "Progress",
    "SchoolImportOptions",
    "SchoolsImported",
    "ToAccept",
    "Withdrawal",
    "acceptance_options",
    "acceptance_reasons",
    "import_mandates",
    "import_schools",
    "import_systems",
    "no_progress",
    "register_system",
    "system_entry",
    "withdrawals_by_system",
]
