"""Use cases of operators and administrators: hold and release, bulk jobs, retention, keys, the current state again."""
