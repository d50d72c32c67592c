"""The planning stage: a record on the log names a school; its new events become deliveries.

In: keys of `osr.mandates.v1`. Out: deliveries at the end of their lanes, and the next portion of each bulk job. Next:
`consumers.forwarding`.
"""
