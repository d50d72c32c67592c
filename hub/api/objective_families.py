"""Metrics of objectives and causes. In: lag, counters. Out: metric families, for alerts that burn rates raise."""

from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from hub.observe.lag import Lag
from hub.store.meters import OBJECTIVE

RESULTS: Final = ("met", "missed")
Counts = Mapping[tuple[str, int, str], int]


def objective_families(lag: Lag, counters: Counts) -> Iterator[Metric]:
    """Return what met objectives, the objectives themselves, and who has to act."""
    total = CounterMetricFamily(
        "osr_hub_objective", "Measurements that met their objective, or missed it.", labels=["destination", "result"]
    )
    share = GaugeMetricFamily(
        "osr_hub_objective_share", "The share that an objective asks for.", labels=["destination"]
    )
    seconds = GaugeMetricFamily(
        "osr_hub_objective_seconds", "Within how many seconds a hop is to be done.", labels=["destination", "hop"]
    )
    cause = GaugeMetricFamily(
        "osr_hub_cause", "Why a destination is late, as `osr-hub lag` has it.", labels=["destination", "cause"]
    )
    for each in lag.destinations:
        name, objective = each.destination.name, each.attainment.objective
        for result in RESULTS:
            total.add_metric([name, result], counters.get((OBJECTIVE, each.destination.id, result), 0))
        share.add_metric([name], objective.share)
        seconds.add_metric([name, "transport"], objective.transport_seconds)
        seconds.add_metric([name, "processing"], objective.processing_seconds)
        cause.add_metric([name, each.cause.value], 1)
    yield from (total, share, seconds, cause)
    yield from _attainment_families(lag)


def _attainment_families(lag: Lag) -> Iterator[Metric]:
    """Return how objectives are met; what is overdue counts as missed, though no counter has it yet."""
    overdue = GaugeMetricFamily(
        "osr_hub_objective_overdue",
        "Messages that are not done and older than a hop may take, up to a bound; held ones are not among them.",
        labels=["destination", "hop"],
    )
    met = GaugeMetricFamily(
        "osr_hub_objective_met_share", "The share that met its objective in thirty days.", labels=["destination"]
    )
    rate = GaugeMetricFamily(
        "osr_hub_objective_burn_rate", "How fast the error budget is used; 1 uses up all of it.", labels=["destination"]
    )
    left = GaugeMetricFamily(
        "osr_hub_objective_budget_left", "The part of the error budget that is left.", labels=["destination"]
    )
    for each in lag.destinations:
        name, found = each.destination.name, each.attainment
        overdue.add_metric([name, "transport"], found.overdue.transport)
        overdue.add_metric([name, "processing"], found.overdue.processing)
        for family, value in ((met, found.met_share), (rate, found.burn_rate), (left, found.budget_left)):
            if value is not None:
                family.add_metric([name], value)
    yield from (overdue, met, rate, left)
