"""Publish mandate changes: the relay publishes the event outbox, the calendar raises events for dates that have come.

Any number of producers may run; one at a time is active, the others stand by.
"""
