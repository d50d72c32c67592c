"""Every alert leads to its section of the runbook, where the hub shows it, and says whose turn it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import yaml

from hub.console.guides import read_runbook

DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy"
ALERTS: Final = [
    rule for group in yaml.safe_load((DEPLOY / "alerts.yaml").read_text())["groups"] for rule in group["rules"]
]
PUBLIC_URL: Final = "https://osr-hub.example"
"""The address that alerts lead to until the installation puts its own there, as in the manifests' settings."""


def test_every_alert_has_its_section_in_the_runbook() -> None:
    """Whoever is woken finds what happened and what to press; and no section is without its alert."""
    written = re.findall(r"^### (OsrHub\w+)$", (DEPLOY / "runbook.md").read_text(), re.MULTILINE)

    assert sorted(written) == sorted(rule["alert"] for rule in ALERTS)
    for rule in ALERTS:
        assert rule["annotations"]["runbook_url"] == f"{PUBLIC_URL}/docs/runbook#{rule['alert'].lower()}"
        assert f'<h3 id="{rule["alert"].lower()}">' in read_runbook().html
        assert {"summary", "description"} < set(rule["annotations"])
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert rule["labels"]["turn"] in {"hub", "duo", "supplier"}
    assert f'OSR_HUB_HTTP__PUBLIC_URL: "{PUBLIC_URL}"' in (DEPLOY / "kubernetes" / "settings.yaml").read_text()


def test_every_link_within_the_runbook_leads_somewhere() -> None:
    """A section that is called otherwise takes its links along."""
    found = read_runbook()
    inner = re.findall(r'href="#([^"]+)"', found.html)

    assert set(inner) <= {anchor for anchor, _ in found.headings}
    assert inner
