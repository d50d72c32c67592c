"""Laws of the table of topics: it is the contract's, written out by hand."""

from schemas.kinds import EventType
from schemas.topics import TOPICS, Broker, duo_queue, topics_on

MONTH = "2592000000"


def test_the_table_is_what_was_agreed() -> None:
    """Names, brokers and retention of all six topics."""
    table = {topic.name: (topic.broker, topic.configuration()) for topic in TOPICS}
    assert table == {
        "osr.mandates.v1": (Broker.OURS, {"cleanup.policy": "delete", "retention.ms": "-1"}),
        "duo.bron-po.v1": (Broker.DUO, {"cleanup.policy": "delete", "retention.ms": MONTH}),
        "duo.verzuim.v1": (Broker.DUO, {"cleanup.policy": "delete", "retention.ms": MONTH}),
        "duo.rio.v1": (Broker.DUO, {"cleanup.policy": "delete", "retention.ms": MONTH}),
        "duo.reports.v1": (Broker.DUO, {"cleanup.policy": "delete", "retention.ms": MONTH}),
        "osr.deliveries.v1": (Broker.OURS, {"cleanup.policy": "delete", "retention.ms": MONTH}),
    }


def test_every_topic_has_twelve_partitions_and_is_keyed_by_school() -> None:
    """One shape for all, so that a school's records stay in order everywhere."""
    assert {(topic.partitions, topic.key) for topic in TOPICS} == {(12, "BRIN4")}


def test_each_broker_holds_its_own_topics() -> None:
    """What begins with `osr.` is ours, what begins with `duo.` is DUO's."""
    assert [topic.name for topic in topics_on(Broker.OURS)] == ["osr.mandates.v1", "osr.deliveries.v1"]
    assert all(topic.name.startswith("duo.") for topic in topics_on(Broker.DUO))
    assert len(topics_on(Broker.OURS)) + len(topics_on(Broker.DUO)) == len(TOPICS)


def test_no_date_that_arrives_is_told_to_duo() -> None:
    """Its queues get grants, amendments and withdrawals, which hold the dates."""
    assert set(duo_queue("mbo", "DUO MBO").types) == {EventType.GRANTED, EventType.AMENDED, EventType.WITHDRAWN}
