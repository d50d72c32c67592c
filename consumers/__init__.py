"""Take mandate changes off the log and forward them; take reports in.

`plan` turns bells into deliveries, `forward` carries lanes to DUO's queues and to webhooks, `reports` reads what DUO
answers. Each is a process, any number may run, and all of them only call the hub to decide and remember.
"""
