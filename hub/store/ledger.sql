-- The ledger as a whole.

-- name: read_ledger_epoch$
-- How often the hub was restored from a backup, plus one.
select ledger_epoch from hub_state;
