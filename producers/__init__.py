"""Publish mandate changes: the relay takes events off the list of errands, the calendar raises those that dates bring.

Any number of producers may run; one at a time is active, the others stand by.
"""
