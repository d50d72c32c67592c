"""The images of others that this project runs on. In: `deploy/images.env`. Out: their digests, or which one floats.

    python -m tests.support.supply.images [--pin] [FILE]

Without `--pin` it exits 1 when an image is named by its tag alone; with it, it asks each registry which image the tag
means now and writes the digest behind the tag.
"""

from __future__ import annotations

import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).parents[3] / "deploy" / "images.env"
IMAGE: Final = re.compile(
    r"^(?P<name>[A-Z_]+)=(?P<image>(?P<registry>[\w.-]+[.:][\w.-]*/)?(?P<repository>[\w./-]+):(?P<tag>[\w.-]+))"
    r"(?P<digest>@sha256:[0-9a-f]{64})?$",
    re.MULTILINE,
)
KINDS: Final = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json"
CHALLENGE: Final = re.compile(r'(\w+)="([^"]*)"')
SECONDS: Final = 30


def floating(text: str) -> list[str]:
    """Return the images that are named by their tag alone."""
    return [found["image"] for found in IMAGE.finditer(text) if not found["digest"]]


def pin(text: str, scheme: str = "https") -> str:
    """Write behind each tag the digest of the image that it means now; raise `OSError` when a registry says nothing."""
    return IMAGE.sub(lambda found: f"{found['name']}={found['image']}@{_ask(found, scheme)}", text)


def _ask(found: re.Match[str], scheme: str) -> str:
    registry = (found["registry"] or "registry-1.docker.io/").rstrip("/")
    repository = found["repository"] if "/" in found["repository"] else f"library/{found['repository']}"
    url = f"{scheme}://{registry}/v2/{repository}/manifests/{found['tag']}"
    try:
        digest = _head(url, {})
    except urllib.error.HTTPError as refused:
        challenge = dict(CHALLENGE.findall(refused.headers.get("www-authenticate", "")))
        if not challenge:
            raise
        digest = _head(url, {"authorization": f"Bearer {_token(challenge)}"})
    return digest


def _token(challenge: dict[str, str]) -> str:
    asked = urllib.parse.urlencode([(name, challenge[name]) for name in ("service", "scope") if name in challenge])
    with urllib.request.urlopen(f"{challenge['realm']}?{asked}", timeout=SECONDS) as answer:  # noqa: S310
        return str(json.load(answer)["token"])


def _head(url: str, headers: dict[str, str]) -> str:
    request = urllib.request.Request(url, method="HEAD", headers={"accept": KINDS, **headers})  # noqa: S310
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
        return str(answer.headers["docker-content-digest"])


def main(words: list[str]) -> int:
    """Pin, or tell what floats."""
    files = [Path(word) for word in words if word != "--pin"] or [FILE]
    if "--pin" in words:
        files[0].write_text(pin(files[0].read_text()))
    loose = floating(files[0].read_text())
    for image in loose:
        print(f"{image} has no digest: run `make images` where its registry can be reached", file=sys.stderr)
    return bool(loose)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
