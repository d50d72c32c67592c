"""What is deployed names what is there: commands, settings, topics, metrics, alerts and their sections."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from importlib.metadata import requires
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from packaging.requirements import Requirement

from hub.api.metric_families import HubMetrics
from hub.domain.cause import Cause
from hub.embedded.fetch import VERSION
from hub.observe.lag import Lag
from hub.settings.read import known_names
from schemas.topics import TOPICS, Broker
from tests.support import documented_names
from tests.support.servers.servers import POSTGRES_IMAGE
from tests.support.supply import images
from tests.support.supply.images import IMAGE

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
RUNBOOK = (DEPLOY / "runbook.md").read_text()
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
DASHBOARD = json.loads((DEPLOY / "dashboard.json").read_text())
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
ALERTS = [rule for group in yaml.safe_load((DEPLOY / "alerts.yaml").read_text())["groups"] for rule in group["rules"]]
MANIFESTS: list[dict[str, Any]] = [
    manifest for path in sorted(KUBERNETES.glob("*.yaml")) for manifest in yaml.safe_load_all(path.read_text())
]
LABELS: Final = {
    "osr_hub_events_total": {"type"},
    "osr_hub_deliveries": {"destination", "status"},
    "osr_hub_delivery_seconds_bucket": {"destination", "hop", "le"},
    "osr_hub_oldest_undelivered_seconds": {"destination"},
    "osr_hub_oldest_unprocessed_seconds": {"destination"},
    "osr_hub_attempts_total": {"destination", "outcome"},
    "osr_hub_unpublished_events": set(),
    "osr_hub_unplanned_events": set(),
    "osr_hub_parked": set(),
    "osr_hub_circuit_open": {"destination"},
    "osr_hub_destination_slowed": {"destination"},
    "osr_hub_lanes": {"destination", "state"},
    "osr_hub_stranded_lanes_total": set(),
    "osr_hub_objective_total": {"destination", "result"},
    "osr_hub_objective_share": {"destination"},
    "osr_hub_objective_seconds": {"destination", "hop"},
    "osr_hub_objective_overdue": {"destination", "hop"},
    "osr_hub_objective_met_share": {"destination"},
    "osr_hub_objective_burn_rate": {"destination"},
    "osr_hub_objective_budget_left": {"destination"},
    "osr_hub_cause": {"destination", "cause"},
    "osr_hub_process_well": {"process"},
    "osr_hub_unread_records": {"topic"},
    "osr_hub_unread_seconds": {"topic"},
}
"""The metrics that dashboards and alerts may be written on, with their labels."""
EXPRESSIONS = [
    *((rule["alert"], rule["expr"]) for rule in ALERTS),
    *((panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel["targets"]),
]
PROCESSES = {"serve", "produce", "plan", "forward", "reports"}
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==", re.MULTILINE)


def manifests(kind: str) -> dict[str, dict[str, Any]]:
    """Find the manifests of a kind by name."""
    return {each["metadata"]["name"]: each for each in MANIFESTS if each["kind"] == kind}


def pins(path: Path) -> dict[str, str]:
    """Take a file of pins apart: name to its lines, hashes included."""
    parts = re.split(r"^(?=[a-z0-9])", path.read_text(), flags=re.MULTILINE)
    return {match[1]: part.strip() for part in parts if (match := PIN.match(part))}


def test_the_metrics_are_those_that_the_hub_shows() -> None:
    """The table above has every metric of the hub and no other."""
    lag = Lag(at=datetime.now(UTC), unpublished=0, unplanned=0, parked=0, destinations=(), processes={})
    shown = {family.name for family in HubMetrics(lag=lag, counters={}, hops={}).collect()}

    assert {name.removesuffix("_total").removesuffix("_bucket") for name in LABELS} == shown


@pytest.mark.parametrize(("title", "expression"), EXPRESSIONS, ids=[title for title, _ in EXPRESSIONS])
def test_expressions_ask_for_metrics_and_labels_that_exist(title: str, expression: str) -> None:
    """An alert or a panel that asks for nothing would be silent for ever."""
    names = set(re.findall(r"\bosr_hub_\w+", expression))
    selected = re.findall(r"\b(osr_hub_\w+)\{([^}]*)\}", expression)
    grouped = {label.strip() for group in re.findall(r"\bby \(([^)]*)\)", expression) for label in group.split(",")}

    assert names, title
    assert names <= set(LABELS)
    for name in names:
        assert grouped <= LABELS[name]
    for name, labels in selected:
        assert set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", labels)) <= LABELS[name]
    assert expression.count("(") == expression.count(")")


def test_every_cause_has_its_section_in_the_runbook() -> None:
    """The word that the hub says leads to what to press."""
    causes = RUNBOOK.split("## Causes")[1].split("## Alerts")[0]

    assert sorted(re.findall(r"^### (\w+)$", causes, re.MULTILINE)) == sorted(cause.value for cause in Cause)


def test_every_section_says_what_to_press() -> None:
    """A section without a next step leaves the reader alone."""
    for section in RUNBOOK.split("\n### ")[1:]:
        assert "**What happened.**" in section, section[:20]
        assert "**Press.**" in section, section[:20]


def test_links_inside_the_runbook_lead_somewhere() -> None:
    """A link to a section is the name of a heading."""
    headings = {
        re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", RUNBOOK, re.MULTILINE)
    }

    assert set(re.findall(r"\]\(#([^)]+)\)", RUNBOOK)) <= headings


def test_the_runbook_names_commands_settings_topics_and_calls_that_exist() -> None:
    """What an operator is told to type can be typed."""
    commands = documented_names.commands(RUNBOOK)

    assert len(commands) > 25
    assert [(words, fault) for words in commands if (fault := documented_names.fault_of(words))] == []
    assert set(documented_names.SETTING.findall(RUNBOOK)) <= {*known_names(), "OSR_HUB_TOKEN"}
    assert set(documented_names.TOPIC.findall(RUNBOOK)) <= {topic.name for topic in TOPICS}
    asked = {(method, path) for method, path in documented_names.CALL.findall(RUNBOOK)}
    assert asked
    assert asked <= documented_names.calls()


def test_the_topics_on_kubernetes_are_those_of_the_table() -> None:
    """Same names, partitions and settings; three replicas, as the hub itself would make them."""
    for file, broker in (("topics.yaml", Broker.OURS), ("topics-duo.yaml", Broker.DUO)):
        written = {
            each["metadata"]["name"]: each["spec"] for each in yaml.safe_load_all((KUBERNETES / file).read_text())
        }

        assert {
            name: (spec["partitions"], spec["replicas"], {key: str(value) for key, value in spec["config"].items()})
            for name, spec in written.items()
        } == {topic.name: (topic.partitions, 3, topic.configuration()) for topic in TOPICS if topic.broker is broker}


def test_there_is_a_deployment_for_every_process() -> None:
    """Each runs its own command, at least twice, and no disruption takes all of one away."""
    deployments, budgets = manifests("Deployment"), manifests("PodDisruptionBudget")

    assert set(deployments) - {"any"} == set(budgets) == PROCESSES
    for name in PROCESSES:
        spec = deployments[name]["spec"]
        labels = {"app": "osr-hub", "process": name}
        assert spec["replicas"] >= 2
        assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"] == labels
        assert budgets[name]["spec"] == {"minAvailable": 1, "selector": {"matchLabels": labels}}


def test_every_command_that_is_deployed_can_be_typed() -> None:
    """Compose, Kubernetes and the image start programs that exist, with words they know."""
    started = [
        container["command"]
        for each in MANIFESTS
        if each["kind"] in {"Deployment", "Job", "CronJob"} and each["metadata"]["name"] != "any"
        for container in pod_of(each)["containers"]
    ]
    composed = {name: each["command"] for name, each in COMPOSE["services"].items() if "command" in each}
    ran = json.loads(re.findall(r"^CMD (.+)$", DOCKERFILE, re.MULTILINE)[-1])

    assert set(composed) == PROCESSES | {"migrate", "topics", "simulate-duo"}
    assert len(started) == len(PROCESSES) + 4
    assert [fault for words in [*started, *composed.values(), ran] if (fault := documented_names.fault_of(words))] == []


@pytest.mark.parametrize("process", sorted(PROCESSES))
def test_probes_ask_for_pages_that_exist(process: str) -> None:
    """Each process has probes of liveness and readiness, and they are routes of the hub."""
    [container] = pod_of(manifests("Deployment")[process])["containers"]
    probes = {key: value["httpGet"]["path"] for key, value in container.items() if key.endswith("Probe")}

    assert probes == {
        "startupProbe": "/health/live",
        "livenessProbe": "/health/live",
        "readinessProbe": "/health/ready",
    }
    assert {("GET", path) for path in probes.values()} <= documented_names.calls()
    assert "/health/ready" in COMPOSE["services"]["serve"]["healthcheck"]["test"][-1]


def test_every_setting_that_is_deployed_exists() -> None:
    """An unknown name would stop every process at its start."""
    known = set(known_names())
    texts = [path.read_text() for path in (*KUBERNETES.glob("*.yaml"), DEPLOY / "compose.yaml")]
    said = {name for text in (*texts, DOCKERFILE) for name in re.findall(r"\bOSR_HUB_[A-Z_]*[A-Z]\b(?!__)", text)}

    assert said - {"OSR_HUB_DUO_KAFKA"} <= known
    assert set(manifests("ConfigMap")["osr-hub-settings"]["data"]) <= known


def test_no_name_that_kubernetes_injects_looks_like_a_setting() -> None:
    """Only the service `osr-hub` may begin like a setting; service links are off besides."""
    services = {*manifests("Service"), *manifests("Kafka")}

    assert {name for name in services if name.startswith("osr-hub")} == {"osr-hub"}
    for each in (manifests("CronJob")["books"], manifests("Deployment")["any"]):
        assert pod_of(each)["enableServiceLinks"] is False


def test_every_manifest_is_applied() -> None:
    """The list of resources is the folder; what all processes share reaches deployments and jobs."""
    listed = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
    files = {path.name for path in KUBERNETES.glob("*.yaml")}

    assert set(listed["resources"]) == files - {"kustomization.yaml", "every-process.yaml"}
    assert [(each["path"], each["target"]["kind"]) for each in listed["patches"]] == [
        ("every-process.yaml", "Deployment"),
        ("every-process.yaml", "Job"),
    ]


def test_the_servers_of_compose_are_those_that_the_tests_run_on() -> None:
    """The same PostgreSQL as in the tests' containers, and a Kafka of the embedded one's major version."""
    tags = {found["name"]: found["image"] for found in IMAGE.finditer(images.FILE.read_text())}

    assert tags["POSTGRES_IMAGE"] == POSTGRES_IMAGE
    assert tags["KAFKA_IMAGE"].startswith(f"apache/kafka:{VERSION.split('.')[0]}.")


def test_every_image_of_others_is_named_by_its_digest() -> None:
    """A tag may mean another image tomorrow; a digest never does."""
    assert images.floating(images.FILE.read_text()) == []


def test_images_of_others_are_named_in_one_place() -> None:
    """Dockerfile, compose and manifests name none by themselves, so that a digest is written once."""
    named = {each["name"] for each in IMAGE.finditer(images.FILE.read_text())}
    texts = [path.read_text() for path in (*KUBERNETES.glob("*.yaml"), DEPLOY / "compose.yaml", DEPLOY / "Dockerfile")]
    found = (re.findall(r"^(?:FROM| *-? *image:) +(\S+)", text, re.MULTILINE) for text in texts)
    used = [image.strip('"') for each in found for image in each]
    ours = {"osr-hub", "osr-hub:0.1.0"}

    assert {match[1] for image in used if (match := re.match(r"\$\{([A-Z_]+)", image))} == named
    assert [image for image in used if not image.startswith("${") and image not in ours] == []


def test_the_image_installs_what_the_wheel_needs_and_no_more() -> None:
    """Every pin of the image is one of the lock, hashes and all; extras stay out, unless a part of it needs them."""
    locked, image = pins(ROOT / "constraints.txt"), pins(DEPLOY / "requirements.txt")
    builder = pins(DEPLOY / "build-requirements.txt")
    wanted = [Requirement(line) for line in requires("osr-hub") or ()]
    direct = {each.name.lower() for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})}
    extras = {each.name.lower() for each in wanted} - direct - {"requests"}
    exporter = requires("opentelemetry-exporter-http-transport") or ()

    assert direct <= set(image)
    assert not extras & set(image)
    assert any(Requirement(line).name == "requests" for line in exporter)
    assert "hatchling" in builder
    for name, pin in {**image, **builder}.items():
        assert locked[name] == pin
    assert all("--hash=sha256:" in pin for pin in image.values())


def test_the_image_runs_as_nobody_in_particular() -> None:
    """Two stages, hashes required, another user than root, and the base that `images.env` names."""
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)

    assert bases == ["${PYTHON_IMAGE}", "${PYTHON_IMAGE}"]
    assert DOCKERFILE.count("--require-hashes") == 2
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    assert "embedded" not in re.sub(r"^#.*$", "", DOCKERFILE, flags=re.MULTILINE)


def test_nothing_that_is_deployed_is_imported() -> None:
    """The folder holds no code, but for what others start from."""
    assert [path for path in DEPLOY.rglob("*.py") if path.parent != DEPLOY / "guides" / "receivers"] == []


def pod_of(manifest: dict[str, Any]) -> dict[str, Any]:
    """Find the pod in a manifest that starts one."""
    spec = manifest["spec"]
    template: dict[str, Any] = (spec["jobTemplate"]["spec"] if manifest["kind"] == "CronJob" else spec)["template"]
    pod: dict[str, Any] = template["spec"]
    return pod
