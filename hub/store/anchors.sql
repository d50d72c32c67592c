-- Anchors of the audit: once a day a seal over the heads of all chains that moved.

-- name: read_anchor^
-- Return the anchor of a day.
select x.day, x.at, x.chains, x.seal from audit_anchors x where x.day = :day;

-- name: read_last_anchor^
-- Return the newest anchor.
select x.day, x.at, x.chains, x.seal from audit_anchors x order by x.day desc limit 1;

-- name: read_moved_heads
-- Return the heads of the chains that grew since they were last anchored.
select h.chain, h.length, h.seal
  from audit_heads h
  left join lateral (select f.length from anchored_heads f where f.chain = h.chain order by f.day desc limit 1) f on true
 where h.length > coalesce(f.length, 0);

-- name: write_anchor!
-- Insert an anchor with the heads that it covers.
with anchor as (
  insert into audit_anchors (day, at, chains, previous, seal)
  values (:day, :at, cardinality(:chains::text[]), :previous, :anchor_seal)
  returning day
)
insert into anchored_heads (chain, day, length, seal)
select u.chain, anchor.day, u.length, u.seal
  from anchor cross join unnest(:chains::text[], :lengths::bigint[], :seals::bytea[]) u (chain, length, seal);
