"""PostgreSQL access: the only package that contains SQL.

Each module is one table family: functions that take a connection first and leave the transaction to their caller, with
their named statements in the `.sql` file beside them. `schema.sql` is the whole schema, `migrations/` its history.
"""
