-- The audit: who did what, to which school, from what to what, and why.

-- name: lock_audit_heads
-- Hold the ends of these chains, in the order given, until the transaction ends.
select h.chain, h.length, h.seal
  from unnest(:chains::text[]) with ordinality k (chain, o)
 cross join lateral (
    select x.chain, x.length, x.seal from audit_heads x where x.chain = k.chain for update) h;

-- name: insert_audit_heads!
-- Chains that begin.
insert into audit_heads (chain)
select k.chain from unnest(:chains::text[]) with ordinality k (chain, o)
 where not exists (select from audit_heads h where h.chain = k.chain)
 order by k.o
on conflict do nothing;

-- name: write_audit!
-- Add sealed notes and move the heads of their chains, which are held.
with head as (
  update audit_heads h set length = u.length, seal = u.seal
    from unnest(:chains::text[], :lengths::bigint[], :seals::bytea[]) u (chain, length, seal)
   where h.chain = u.chain
)
insert into audit (at, actor, action, brin, subject, before, after, reason, number, seal)
select u.at, u.actor, u.action, u.brin, u.subject::json, u.before::json, u.after::json, u.reason, u.number, u.seal
  from unnest(:ats::timestamptz[], :actors::text[], :actions::text[], :brins::text[], :subjects::text[],
              :befores::text[], :afters::text[], :reasons::text[], :numbers::bigint[], :note_seals::bytea[])
       with ordinality u (at, actor, action, brin, subject, before, after, reason, number, seal, nth)
 order by u.nth;
