-- Verification of the audit, and its daily anchors. Seals are computed here from the rows, apart from the code that
-- wrote them. Each part is hashed as its length in bytes, a colon and its text; null as a dash.

-- name: find_broken_audit_entries
-- Find entries whose seal, number or order does not follow from the entry before.
select a.chain, a.number, a.id, a.expected
  from (select x.*, coalesce(lag(x.number) over w, h.base, 0) + 1 as expected,
               coalesce(lag(x.seal) over w, h.base_seal, '') as previous, lag(x.id) over w as id_before
          from audit x left join audit_heads h on h.chain = x.chain
        window w as (partition by x.chain order by x.number)) a
 cross join lateral (
    select string_agg(coalesce(octet_length(convert_to(p.part, 'UTF8')) || ':' || p.part, '-'), '' order by p.o) as text
      from unnest(array[a.chain, a.number::text, (extract(epoch from a.at) * 1000000)::bigint::text, a.actor, a.action,
                        a.subject::text, a.before::text, a.after::text, a.reason]) with ordinality p (part, o)) c
 where a.number <> a.expected or a.id < a.id_before or a.seal <> sha256(a.previous || convert_to(c.text, 'UTF8'))
 order by a.chain, a.number limit :most;

-- name: find_broken_heads
-- Find chains that do not end where their head says.
select coalesce(h.chain, a.chain) as chain, h.length, h.base, a.n, a.last
  from audit_heads h
  full join (select x.chain, count(*) as n, max(x.number) as last from audit x group by x.chain) a on a.chain = h.chain
  left join audit t on t.chain = h.chain and t.number = h.length
 where h.chain is null
    or coalesce(a.last, h.base) <> h.length or coalesce(a.n, 0) <> h.length - h.base
    or h.seal <> coalesce(t.seal, h.base_seal)
 order by 1 limit :most;

-- name: find_broken_anchors
-- Find anchors that do not follow from the anchor before or from the heads that they cover.
select a.day, a.chains, f.n
  from (select x.*, coalesce(lag(x.seal) over (order by x.day), '') as expected from audit_anchors x) a
  left join lateral (
    select count(*) as n,
           string_agg(octet_length(convert_to(h.chain, 'UTF8')) || ':' || h.chain || octet_length(h.length::text) || ':'
                      || h.length || '64:' || encode(h.seal, 'hex'), '' order by h.chain collate "C") as text
      from anchored_heads h where h.day = a.day) f on true
 where a.previous <> a.expected or a.chains <> f.n
    or a.seal <> sha256(a.previous || convert_to('10:' || a.day::text || coalesce(f.text, ''), 'UTF8'))
 order by a.day limit :most;

-- name: find_lost_heads
-- Find anchored heads that are no longer in their chain as they were.
select f.chain, f.day, f.length
  from anchored_heads f
  left join audit_heads h on h.chain = f.chain
  left join audit a on a.chain = f.chain and a.number = f.length
 where h.chain is null
    or f.length > h.base and f.seal is distinct from a.seal
    or f.length = h.base and f.seal <> h.base_seal
 order by f.day, f.chain limit :most;

-- name: find_lost_anchors
-- Find anchors that an audit entry names and that are missing or differ.
select a.subject ->> 'day' as day
  from audit a
  left join audit_anchors x on x.day::text = a.subject ->> 'day' and encode(x.seal, 'hex') = a.subject ->> 'seal'
 where a.chain = '' and a.action = 'audit.anchored' and x.day is null
 order by a.number limit :most;
