-- Retention: old rows are deleted some at a time; after each statement the ledger check holds. With `archive` a statement
-- returns what it deleted, as JSON texts.

-- name: read_lane_page
-- Return the next lanes, and whether each has deliveries that are too old.
select x.destination, x.brin, coalesce(f.planned_at < :before, false) or x.archived_through > 0 as is_old
  from lanes x
  left join lateral (
    select d.planned_at from deliveries d
     where d.destination = x.destination and d.brin = x.brin and d.sequence > x.archived_through
     order by d.sequence limit 1) f on true
 where (x.destination, x.brin) > (:destination::smallint, :brin::text)
 order by x.destination, x.brin limit :most;

-- name: delete_old_deliveries
-- Delete old deliveries of locked lanes, up to the first one that is not old or not final. Kept are the newest and
-- the newest delivered message of a unit in force, and the last one sent, which the next message names.
with bound as (
  select k.destination, k.brin, least(x.head, coalesce(f.sequence - 1, x.tail)) as through
    from unnest(:destinations::smallint[], :brins::text[]) k (destination, brin)
   cross join lateral (select l.head, l.tail from lanes l where l.destination = k.destination and l.brin = k.brin offset 0) x
    left join lateral (
      select d.sequence from deliveries d
       where d.destination = k.destination and d.brin = k.brin
         and (d.planned_at >= :before or d.status in ('waiting', 'retrying')
              or d.expects_report and d.status in ('delivered', 'in_progress'))
       order by d.sequence limit 1) f on true
), old as (
  select d.destination, d.brin, d.sequence, d.event_number, d.branch, d.delivered_at, e.mandate_id,
         coalesce((m.withdrawn_at at time zone 'Europe/Amsterdam')::date, m.end_date, 'infinity') >= :day::date as lives,
         d.sequence = (select s.sequence from deliveries s
                        where s.destination = d.destination and s.brin = d.brin and s.sequence <= b.through
                          and s.status <> 'cancelled' order by s.sequence desc limit 1) as is_last
    from bound b
   cross join lateral (
      select d.* from deliveries d
       where d.destination = b.destination and d.brin = b.brin and d.sequence <= b.through offset 0) d
    left join events e on e.brin = d.brin and e.number = d.event_number
    left join mandates m on m.id = e.mandate_id
), gone as (
  delete from deliveries d using old o
   where d.destination = o.destination and d.brin = o.brin and d.sequence = o.sequence and o.is_last is distinct from true
     and (o.lives is distinct from true
          or exists (select from deliveries n
                      cross join lateral (select g.mandate_id from events g
                                           where g.brin = n.brin and g.number = n.event_number offset 0) g
                      where n.destination = o.destination and n.brin = o.brin and n.sequence > o.sequence
                        and n.branch = o.branch and g.mandate_id = o.mandate_id
                        and (o.delivered_at is null or n.delivered_at is not null)))
  returning d.*
), attempts_gone as (
  delete from attempts a using gone g
   where a.destination = g.destination and a.brin = g.brin and a.sequence = g.sequence
  returning a.*
), reports_gone as (
  delete from reports r using gone g
   where r.destination = g.destination and r.brin = g.brin and r.sequence = g.sequence
  returning r.*
), lane as (
  update lanes x
     set archived = x.archived + s.n, archived_through = greatest(x.archived_through, s.high),
         archived_through_event = greatest(x.archived_through_event, s.event)
    from (select g.destination, g.brin, count(*) as n, max(g.sequence) as high,
                 coalesce(max(g.event_number) filter (where g.cause is null), 0) as event
            from gone g group by g.destination, g.brin) s
   where x.destination = s.destination and x.brin = s.brin
)
select g.destination, g.status::text as status, g.expects_report, count(*) as n,
       case when :archive::boolean then array_agg(to_json(g)::text) end as deliveries,
       case when :archive::boolean and row_number() over () = 1
            then (select array_agg(to_json(a)::text) from attempts_gone a) end as attempts,
       case when :archive::boolean and row_number() over () = 1
            then (select array_agg(to_json(r)::text) from reports_gone r) end as reports
  from gone g group by g.destination, g.status, g.expects_report;

-- name: delete_old_attempts^
-- Delete old attempts of deliveries that have left their lane.
with gone as (
  delete from attempts a
   using unnest(:destinations::smallint[], :brins::text[]) k (destination, brin), lanes x
   where x.destination = k.destination and x.brin = k.brin and a.destination = k.destination and a.brin = k.brin
     and a.sequence <= x.head and a.at < :before
  returning a.*
)
select count(*) as n, case when :archive::boolean then array_agg(to_json(g)::text) end as attempts from gone g;

-- name: delete_old_reports^
-- Delete old reports, unless the delivery is in progress.
with gone as (
  delete from reports r
   using unnest(:destinations::smallint[], :brins::text[]) k (destination, brin)
   where r.destination = k.destination and r.brin = k.brin and r.received_at < :before
     and not exists (select from deliveries d
                      where d.destination = r.destination and d.brin = r.brin and d.sequence = r.sequence
                        and d.status = 'in_progress')
  returning r.*
)
select count(*) as n, case when :archive::boolean then array_agg(to_json(g)::text) end as reports from gone g;

-- name: clear_old_parked$
-- Delete the contents of old parked records.
with emptied as (
  update parked_records p set bytes = null, key = null, headers = '[]'
   where p.id in (select q.id from parked_records q
                   where q.received_at < :before and (q.bytes is not null or q.key is not null or q.headers <> '[]')
                   order by q.id limit :most)
  returning 1
)
select count(*) from emptied;

-- name: delete_old_parked$
-- Delete old parked records that an operator has decided on.
with gone as (
  delete from parked_records p
   where p.id in (select q.id from parked_records q
                   where q.received_at < :before and q.state <> 'open' order by q.id limit :most)
  returning 1
)
select count(*) from gone;

-- name: delete_old_notices$
-- Delete notices to suppliers whose cause was over long ago.
with gone as (
  delete from subscription_notices n
   where n.id in (select o.id from subscription_notices o where o.ended_at < :before order by o.id limit :most)
  returning 1
)
select count(*) from gone;

-- name: delete_old_bulk_jobs$
-- Delete bulk jobs that ended long ago, and those that were never approved.
with job as (
  select b.id from bulk_jobs b
   where b.ended_at < :before or b.state = 'awaiting_approval' and b.asked_at < :before
   order by b.id limit :most for update skip locked
), item as (
  delete from bulk_items i using job j where i.job_id = j.id
), gone as (
  delete from bulk_jobs b using job j where b.id = j.id returning 1
)
select count(*) from gone;

-- name: read_ended_mandate_page
-- Return the next mandates that ended before a day.
select m.id, m.brin from mandates m
 where m.id > :after and m.next_date is null
   and coalesce((m.withdrawn_at at time zone 'Europe/Amsterdam')::date, m.end_date) < :day
 order by m.id limit :most;

-- name: delete_mandates^
-- Delete ended mandates with their events, unless a kept delivery is about one, one of its events is not published,
-- or one is the newest position. Their schools are locked.
with mandate as (
  select m.id, m.brin from mandates m
   where m.id = any(:ids::uuid[]) and m.next_date is null
     and coalesce((m.withdrawn_at at time zone 'Europe/Amsterdam')::date, m.end_date) < :day
     and not exists (select from events e join event_outbox t on t.brin = e.brin and t.number = e.number
                      where e.mandate_id = m.id)
     and not exists (select from events e
                       join (select f.brin, f.number from published_events f order by f.position desc limit 1) f
                         on f.brin = e.brin and f.number = e.number
                      where e.mandate_id = m.id)
     and (:whatever_was_told
          or not exists (select from events e join deliveries d on d.brin = e.brin and d.event_number = e.number
                          where e.mandate_id = m.id))
), event as (
  delete from events e using mandate m where e.mandate_id = m.id returning e.*
), position as (
  delete from published_events f using event e where f.brin = e.brin and f.number = e.number returning f.position
), route as (
  delete from routes r using mandate m where r.mandate_id = m.id returning r.*
), gone as (
  delete from mandates x using mandate m where x.id = m.id returning x.*
), school as (
  update schools s set archived_events = s.archived_events + n.n
    from (select e.brin, count(*) as n from event e group by e.brin) n where s.brin = n.brin
), log as (
  update hub_state set archived_positions = archived_positions + (select count(*) from position)
)
select (select count(*) from gone) as n, (select count(*) from event) as n_events,
       case when :archive::boolean then (select array_agg(to_json(g)::text) from gone g) end as mandates,
       case when :archive::boolean then (select array_agg(to_json(e)::text) from event e) end as events,
       case when :archive::boolean then (select array_agg(to_json(r)::text) from route r) end as routes;

-- name: read_chain_page
-- Return the next chains of the audit whose first entry is too old.
select h.chain from audit_heads h
 where (:after::text is null or h.chain > :after::text) and h.base < h.length
   and exists (select from audit a where a.chain = h.chain and a.number = h.base + 1 and a.at < :before)
 order by h.chain limit :most;

-- name: delete_old_audit^
-- Delete old entries from the start of locked chains; the seal of the last one is kept.
with bound as (
  select h.chain, coalesce(f.number - 1, h.length) as through
    from unnest(:chains::text[]) k (chain)
    join audit_heads h on h.chain = k.chain
    left join lateral (
      select a.number from audit a where a.chain = h.chain and a.at >= :before order by a.number limit 1) f on true
), head as (
  update audit_heads h set base = b.through, base_seal = a.seal
    from bound b join audit a on a.chain = b.chain and a.number = b.through
   where h.chain = b.chain and b.through > h.base
), gone as (
  delete from audit a using bound b where a.chain = b.chain and a.number <= b.through returning a.*
)
select count(*) as n, case when :archive::boolean then array_agg(to_json(g)::text) end as notes from gone g;

-- name: delete_old_people$
-- Delete old pseudonyms that no row refers to.
with gone as (
  delete from people p
   where p.since < :before and not exists (select from audit a where a.actor = p.pseudonym::text)
     and not exists (select from bulk_jobs b where p.pseudonym::text in (b.asked_by, b.approved_by))
  returning 1
)
select count(*) from gone;
