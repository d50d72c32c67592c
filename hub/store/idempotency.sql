-- name: lock_idempotency_key!
-- Let requests with the same key of the same caller take turns, until the end of the transaction.
select pg_advisory_xact_lock(hashtextextended(:caller || chr(10) || :key, 0));

-- name: find_idempotency_key^
-- The answer that this key was given, unless it is too old to count.
select request_hash, status, headers, body
from idempotency_keys
where caller = :caller and key = :key and created_at > :not_before::timestamptz;

-- name: write_idempotency_key!
-- Remember an answer; one that is too old to count gives way.
insert into idempotency_keys (caller, key, request_hash, status, headers, body, created_at)
values (:caller, :key, :request_hash, :status, :headers::text::jsonb, :body, :now)
on conflict (caller, key) do update
set request_hash = excluded.request_hash, status = excluded.status, headers = excluded.headers, body = excluded.body,
    created_at = excluded.created_at;

-- name: delete_old_idempotency_keys!
-- Remove the answers that are too old to count.
delete from idempotency_keys where created_at <= :not_before::timestamptz;

-- name: delete_responses_of_caller!
-- Remove the answers that a caller was given.
delete from idempotency_keys where caller = :caller;
