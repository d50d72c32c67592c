"""The reporting stage: what DUO reports becomes statuses of deliveries.

In: `duo.reports.v1`, and the offsets of DUO's topics. Out: statuses, parked records, and messages sent again that DUO's
broker lost.
"""
