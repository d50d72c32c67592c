"""Take mandate changes off the log and forward them; take reports in.

`planning` turns new events into deliveries, `forwarding` sends lanes to DUO's queues and to webhooks, `reporting` reads
what DUO answers. Each is a process, any number may run, and the hub decides and remembers for all of them.
"""
