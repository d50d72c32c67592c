-- Lanes: order without blocking. A lane is one destination for one school; its owner alone sends and settles.

-- name: take_lanes
-- Lease due lanes, at most as many per destination as it has permits, and read their deliveries; other forwarders skip
-- them. A forwarder that was declared dead gets none before it beats again, and no forwarder is declared dead in the
-- middle of a lease. Where no lane is due nothing is locked, so nothing is written.
select destination, brin, head, sent, closed, token, early, sequence, id, branch, kind, status, attempts, expects_report,
       failed_since, refusals, refused_since, replay_of, planned_at, result, event_id, mandate_id, recorded_at, units,
       body, traceparent
  from take_lanes(:owner, :destinations, :permits, :most_each, :most_together);

-- name: complete_lanes
-- Write where leased lanes stand and give them back; return those whose lease still held.
select c.destination, c.brin
  from complete_lanes(:owner, :destinations, :brins, :tokens, :heads, :sents, :closeds, :waits, :keeps) c;

-- name: record_accepted$
-- Complete lanes of which every attempt was accepted, in one statement; return whether one of them is due again.
select record_accepted(:owner, :lane_destinations, :lane_brins, :tokens, :heads, :sents, :closeds, :destinations,
                       :brins, :sequences, :befores, :statuses, :ats, :partitions, :offsets, :http_statuses, :durations,
                       :tally_destinations, :tally_statuses, :tally_expects, :tally_ns, :items);

-- name: mark_delivered
-- Move accepted deliveries to their next status; a row that moved already, as a report was faster, is not returned.
select m.destination, m.brin, m.sequence
  from mark_delivered(:destinations, :brins, :sequences, :befores, :statuses, :ats, :partitions, :offsets,
                      :http_statuses, :durations) m;

-- name: mark_delivered_late!
-- Write where and how often a delivery was sent whose report came before the outcome of its transport.
update deliveries d
   set attempts = d.attempts + 1, kafka_partition = u.part, kafka_offset = u.off, http_status = u.http_status,
       sent_ms = u.sent_ms
  from unnest(:destinations::smallint[], :brins::text[], :sequences::bigint[], :partitions::smallint[],
              :offsets::bigint[], :http_statuses::smallint[], :durations::integer[])
       u (destination, brin, sequence, part, off, http_status, sent_ms)
 where d.destination = u.destination and d.brin = u.brin and d.sequence = u.sequence;

-- name: mark_failed
-- Move failed deliveries to their next status and count the attempt.
update deliveries d
   set status = u.status::delivery_status, attempts = d.attempts + 1, reason = u.reason,
       failed_since = coalesce(d.failed_since, u.at),
       refusals = case when u.was_refused then coalesce(d.refusals, 0) + 1 else d.refusals end,
       refused_since = case when u.was_refused then coalesce(d.refused_since, u.at) else d.refused_since end
  from unnest(:destinations::smallint[], :brins::text[], :sequences::bigint[], :statuses::text[], :reasons::text[],
              :ats::timestamptz[], :were_refused::boolean[])
       u (destination, brin, sequence, status, reason, at, was_refused)
 where d.destination = u.destination and d.brin = u.brin and d.sequence = u.sequence
   and d.status in ('waiting', 'retrying')
returning d.destination, d.brin, d.sequence;

-- name: write_attempts!
-- Keep each failed attempt under the next number.
insert into attempts (destination, brin, sequence, number, at, outcome, http_status, duration_ms, error, answer)
select u.destination, u.brin, u.sequence, 1 + coalesce(p.last, 0), u.at, u.outcome, u.http_status, u.duration_ms, u.error,
       u.answer
  from unnest(:destinations::smallint[], :brins::text[], :sequences::bigint[], :ats::timestamptz[], :outcomes::text[],
              :http_statuses::smallint[], :durations::integer[], :errors::text[], :answers::text[])
       u (destination, brin, sequence, at, outcome, http_status, duration_ms, error, answer)
 cross join lateral (
    select max(a.number) as last from attempts a
     where a.destination = u.destination and a.brin = u.brin and a.sequence = u.sequence
 ) p;

-- name: rescue_lanes
-- Make the lanes of dead owners due at once and before all others, where a request may still be open after its timeout.
with freed as (
  select x.destination, x.brin, coalesce(o.seconds, 0) as wait
    from lanes x
    left join unnest(:destinations::smallint[], :brins::text[], :seconds::double precision[])
              o (destination, brin, seconds) on o.destination = x.destination and o.brin = x.brin
   where x.owner = any(:owners::integer[])
   order by x.destination, x.brin
     for update of x
)
update lanes x
   set owner = null, token = x.token + 1,
       due = case when x.tail > x.head and not x.held
                  then clock_timestamp() + make_interval(secs => case when f.wait > 0 then f.wait else -60 end) end
  from freed f
 where x.destination = f.destination and x.brin = f.brin
returning x.destination, x.brin;

-- name: return_lost_lanes
-- Make lanes due that were leased but never read, because the database went away in between: their owner does not know
-- of the lease.
with lost as (
  select x.destination, x.brin from lanes x
   where x.owner = :owner
     and not exists (select from unnest(:destinations::smallint[], :brins::text[], :tokens::bigint[])
                                 k (destination, brin, token)
                      where k.destination = x.destination and k.brin = x.brin and k.token = x.token)
   order by x.destination, x.brin
     for update of x
)
update lanes x
   set owner = null, token = x.token + 1, due = case when x.tail > x.head and not x.held then clock_timestamp() end
  from lost l
 where x.destination = l.destination and x.brin = l.brin
returning x.destination, x.brin;

-- name: repair_stranded_lanes
-- Repair lanes that have deliveries, and neither a moment nor a living owner. There must never be one: each is counted.
with stranded as (
  select x.destination, x.brin from lanes x
   where x.head < x.tail and x.due is null and not x.held
     and (x.owner is null or not exists (select 1 from processes p where p.id = x.owner and not p.declared_dead))
   order by x.destination, x.brin
     for update of x skip locked
)
update lanes x set due = clock_timestamp(), owner = null, token = x.token + 1
  from stranded s
 where x.destination = s.destination and x.brin = s.brin
returning x.destination, x.brin;

-- name: make_lanes_due!
-- Make all waiting lanes of these destinations due. An attempt that fails before its moment by the schedule does not
-- count.
update lanes x
   set due = clock_timestamp(),
       counts_from = coalesce(x.counts_from, case when x.due > clock_timestamp() then x.due end)
  from (select l.destination, l.brin from lanes l
         where l.destination = any(:destinations::smallint[]) and l.owner is null and not l.held and l.tail > l.head
           and (l.due is null or l.due > clock_timestamp())
         order by l.destination, l.brin for update of l) w
 where x.destination = w.destination and x.brin = w.brin;
