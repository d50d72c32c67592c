-- The ledger epoch: receivers see that the hub was restored from a backup.

-- name: read_ledger_epoch$
-- Return the number of restores from a backup, plus one.
select ledger_epoch from hub_state;

-- name: raise_ledger_epoch$
-- Raise the ledger epoch after a restore from a backup, and return it.
update hub_state set ledger_epoch = ledger_epoch + 1 returning ledger_epoch;
