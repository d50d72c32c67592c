-- The audit: who did what to which school, from which state to which, and why. Entries form a hash chain per school.

-- name: lock_audit_heads
-- Lock the heads of these chains, in the order given, and return them.
select h.chain, h.length, h.seal
  from unnest(:chains::text[]) with ordinality k (chain, o)
 cross join lateral (
    select x.chain, x.length, x.seal from audit_heads x where x.chain = k.chain for update) h;

-- name: insert_audit_heads!
-- Insert heads for chains that have none.
insert into audit_heads (chain)
select k.chain from unnest(:chains::text[]) with ordinality k (chain, o)
 where not exists (select from audit_heads h where h.chain = k.chain)
 order by k.o
on conflict do nothing;

-- name: write_audit!
-- Insert sealed entries and move the heads of their chains; the caller has locked the heads.
with head as (
  update audit_heads h set length = u.length, seal = u.seal
    from json_to_recordset(:heads::json) u (chain text, length bigint, seal bytea)
   where h.chain = u.chain
)
insert into audit (at, actor, action, brin, subject, before, after, reason, number, seal)
select u.at, u.actor, u.action, u.brin, u.subject, u.before, u.after, u.reason, u.number, u.seal
  from rows from (json_to_recordset(:entries::json)
                  as (at timestamptz, actor text, action text, brin text, subject json, before json, after json,
                      reason text, number bigint, seal bytea))
       with ordinality u (at, actor, action, brin, subject, before, after, reason, number, seal, nth)
 order by u.nth;
