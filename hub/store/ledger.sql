-- The ledger as a whole.

-- name: read_ledger_epoch$
-- Return the number of restores from a backup, plus one.
select ledger_epoch from hub_state;
