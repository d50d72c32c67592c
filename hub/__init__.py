"""The core: it alone decides and remembers.

`domain` decides without input or output, `store` remembers, the use cases between them (`register`, `imports`, `plan`,
`settle`, `subscribe`, `operate`, `observe`) each write one transaction, and `api`, `console`, `commands` and `embedded`
let others in. Producers and consumers call it; it imports nothing but `schemas`.
"""
