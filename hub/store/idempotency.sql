-- Stored responses to requests with an Idempotency-Key.

-- name: lock_idempotency_key!
-- Serialize requests with the same key of the same caller, until the transaction ends.
select pg_advisory_xact_lock(hashtextextended(:caller || chr(10) || :key, 0));

-- name: find_idempotency_key^
-- Return the stored response to a key, unless it has expired.
select request_hash, status, headers, body
from idempotency_keys
where caller = :caller and key = :key and created_at > :not_before::timestamptz;

-- name: write_idempotency_key!
-- Store a response; it replaces an expired one.
insert into idempotency_keys (caller, key, request_hash, status, headers, body, created_at)
values (:caller, :key, :request_hash, :status, :headers::text::jsonb, :body, :now)
on conflict (caller, key) do update
set request_hash = excluded.request_hash, status = excluded.status, headers = excluded.headers, body = excluded.body,
    created_at = excluded.created_at;

-- name: delete_old_idempotency_keys!
-- Delete expired responses.
delete from idempotency_keys where created_at <= :not_before::timestamptz;

-- name: delete_responses_of_caller!
-- Delete the responses to a caller.
delete from idempotency_keys where caller = :caller;
