"""Kafka as the hub uses it: brokers, producers, topics, offsets. Whoever imports it has aiokafka amended."""

from hub.kafka.aiokafka_amended import amend

amend()
