-- Requests with an Idempotency-Key: claimed while one process works on them, then answered.

-- name: claim_idempotency_key$
-- Claim a key that is new, expired, or was claimed by a process that is gone, unless its caller keeps too many; return
-- whether it was claimed.
with kept as (
  select count(*) as n from (select from idempotency_keys where caller = :caller limit :most) k
), claimed as (
  insert into idempotency_keys as i (caller, key, subject, request_hash, created_at, token, claimed_until)
  select :caller, :key, :subject, :request_hash, :now::timestamptz, :token,
         clock_timestamp() + make_interval(secs => :seconds)
    from kept
   where kept.n < :most
      or exists (select from idempotency_keys e where e.caller = :caller and e.key = :key)
  on conflict (caller, key) do update
  set subject = excluded.subject, request_hash = excluded.request_hash, status = null, headers = null, body = null,
      created_at = excluded.created_at, token = excluded.token, claimed_until = excluded.claimed_until
  where i.claimed_until <= clock_timestamp() or (i.status is not null and i.created_at <= :not_before::timestamptz)
  returning true
)
select exists (select from claimed);

-- name: find_idempotency_key^
-- Return what is stored of a key: its request, and the response when there is one.
select request_hash, status, headers, body from idempotency_keys where caller = :caller and key = :key;

-- name: answer_idempotency_key$
-- Store the response of a claimed key, in the transaction of its work, unless that wrote nothing (unwritten) or another
-- process took the claim over (lost).
with answered as (
  update idempotency_keys
     set status = :status, headers = :headers::text::jsonb, body = :body, token = null, claimed_until = null
   where caller = :caller and key = :key and token = :token and pg_current_xact_id_if_assigned() is not null
  returning true
)
select case when pg_current_xact_id_if_assigned() is null then 'unwritten'
            when exists (select from answered) then 'kept' else 'lost' end;

-- name: release_idempotency_key!
-- Delete a claim whose work was not done, unless another process took it over.
delete from idempotency_keys where caller = :caller and key = :key and token = :token;

-- name: delete_old_idempotency_keys!
-- Delete expired responses, and claims of processes that are gone.
delete from idempotency_keys where created_at <= :not_before::timestamptz;

-- name: delete_responses_of_subject!
-- Delete the requests and responses of a subject.
delete from idempotency_keys where subject = :subject;
