"""The forwarding stage: lanes that are due are leased, sent in order, and their outcome is recorded.

In: lanes that are due. Out: messages on DUO's queues and at webhooks, and the result of each attempt. Next:
`consumers.reporting`.
"""
