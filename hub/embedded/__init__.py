"""The whole stack in one command, for development, tests and the demonstration; never in production images.

In: a data folder and a port. Out: PostgreSQL, Apache Kafka and every process of the hub, kept running, and described in
`connection.json`. Servers come from Python packages and Maven Central, so a machine needs nothing else.
"""
