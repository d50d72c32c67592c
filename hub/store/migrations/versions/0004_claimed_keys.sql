-- An Idempotency-Key is claimed before its request is worked on; who may do what is part of its caller.
alter table idempotency_keys
  alter column status drop not null,
  alter column headers drop not null,
  alter column body drop not null,
  add column subject text,
  add column token uuid,
  add column claimed_until timestamptz,
  add constraint idempotency_keys_claimed_or_answered check (
    (status is null) = (headers is null) and (status is null) = (claimed_until is not null)
    and (claimed_until is null) = (token is null) and (body is null or status is not null));
create index idempotency_keys_subject on idempotency_keys (subject);
