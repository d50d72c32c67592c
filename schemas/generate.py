"""Write the published documents from the code, or check that the committed ones still say what the code says.

`python -m schemas.generate` writes; `python -m schemas.generate --check` writes nothing, names each file that differs
and exits 1 when there is one.
"""

import argparse
import sys
from pathlib import Path

from schemas.asyncapi import make_asyncapi
from schemas.documents import ASYNCAPI, FOLDER
from schemas.published import DOCUMENTS, make_document, to_text

ROOT = Path(__file__).parent


def make_files() -> dict[Path, str]:
    """Make every generated file's text, by its path below the package."""
    documents = {Path(FOLDER) / name: to_text(make_document(name)) for name in DOCUMENTS}
    return {**documents, Path(ASYNCAPI): to_text(make_asyncapi())}


def find_differences(root: Path) -> list[str]:
    """Return a line for each file below `root` that is missing, out of date or no longer made."""
    made = make_files()
    differences = [
        f"{path}: {'out of date' if (root / path).exists() else 'missing'}"
        for path, text in made.items()
        if not (root / path).exists() or (root / path).read_text(encoding="utf-8") != text
    ]
    present = {path.relative_to(root) for path in (root / FOLDER).glob("*.json")}
    return differences + [f"{path}: no longer made" for path in sorted(present - made.keys())]


def write_files(root: Path) -> None:
    """Write every generated file below `root` and remove those that are no longer made."""
    made = make_files()
    (root / FOLDER).mkdir(exist_ok=True)
    for path in (root / FOLDER).glob("*.json"):
        if path.relative_to(root) not in made:
            path.unlink()
    for path, text in made.items():
        (root / path).write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Write or check; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m schemas.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the committed files, write nothing")
    if not parser.parse_args(arguments).check:
        write_files(ROOT)
        return 0
    differences = find_differences(ROOT)
    for difference in differences:
        sys.stderr.write(f"{difference}; run python -m schemas.generate\n")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
