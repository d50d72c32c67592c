-- The hub's own signing keys, and every value that is encrypted under the keys of the installation.

-- name: lock_signing_keys!
-- Let one process at a time insert or retire keys.
lock table signing_keys in share row exclusive mode;

-- name: read_valid_signing_keys
-- Return the keys that sign at this moment, newest first.
select k.id, k.sealed from signing_keys k
 where k.retired_at is null or k.retired_at > :now
 order by k.created_at desc, k.id;

-- name: retire_signing_keys!
-- Give the current keys an end; until then they sign beside the new one.
update signing_keys set retired_at = :until where retired_at is null;

-- name: insert_signing_key!
-- Insert a new key.
insert into signing_keys (id, sealed, public_key, created_at) values (:id, :sealed, :public_key, :now);

-- name: read_public_signing_keys
-- Return every key that may have signed messages, newest first.
select k.id, k.public_key, k.created_at, k.retired_at from signing_keys k order by k.created_at desc, k.id;

-- name: read_sealed_values
-- Return every encrypted value with its owner.
select 'secret' as kind, s.id::text as id, u.system_code as owner, s.sealed
  from subscription_secrets s join subscriptions u on u.id = s.subscription_id
union all
select 'certificate', u.id::text, u.system_code, u.client_certificate
  from subscriptions u where u.client_certificate is not null
union all
select 'signing_key', k.id, 'this hub', k.sealed from signing_keys k
union all
select 'answer', i.key, i.caller, i.body from idempotency_keys i where substring(i.body from 1 for 2) = 'gA'::bytea
 order by 1, 2, 3;

-- name: reseal_secret!
-- Replace a secret by the same secret under another key, unless it was changed meanwhile.
update subscription_secrets set sealed = :after where id = :id::text::bigint and sealed = :before;

-- name: reseal_certificate!
-- Replace a certificate by the same certificate under another key, unless it was changed meanwhile.
update subscriptions set client_certificate = :after where id = :id::text::uuid and client_certificate = :before;

-- name: reseal_signing_key!
-- Replace a signing key by the same key under another key of the installation.
update signing_keys set sealed = :after where id = :id and sealed = :before;

-- name: reseal_answer!
-- Replace a stored response by the same response under another key, unless it was replaced meanwhile.
update idempotency_keys set body = :after where key = :id and caller = :owner and body = :before;
