"""Kafka as the hub uses it: brokers, producers, topics, offsets."""
