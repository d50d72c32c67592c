-- Lanes: order without blocking. A lane is one destination for one school; its owner alone sends and settles.

-- name: lease_lanes
-- Lease due lanes, at most as many per destination as it has permits; other forwarders skip them. A forwarder that was
-- declared dead gets none before it beats again, and no forwarder is declared dead in the middle of a lease. Where no
-- lane is due nothing is locked, so nothing is written. A lease that the server loses when it crashes did no harm: the
-- lane is due again, and only the owner of the token completes it. So its commit does not wait for the disk.
with me as materialized (
  select p.id, set_config('synchronous_commit', 'off', true) from processes p
   where p.id = :owner and not p.declared_dead
     and exists (
       select from unnest(:destinations::smallint[]) w (destination)
        cross join lateral (
          select from lanes x
           where x.destination = w.destination and x.due <= clock_timestamp() and not x.held limit 1
        ) l)
     for share of p
), wanted as (
  select l.destination, l.brin
    from me
   cross join unnest(:destinations::smallint[], :permits::integer[]) w (destination, permits)
   cross join lateral (
      select x.destination, x.brin from lanes x
       where x.destination = w.destination and x.due <= clock_timestamp() and not x.held
       order by x.due limit w.permits for update skip locked
   ) l
)
update lanes x set owner = :owner, due = null, token = x.token + 1
  from wanted w
 where x.destination = w.destination and x.brin = w.brin
returning x.destination, x.brin, x.head, x.sent, x.closed, x.token,
          greatest(extract(epoch from x.counts_from - clock_timestamp()), 0)::double precision as early;

-- name: read_lanes
-- Read the deliveries of leased lanes, in a statement after the lease so that it sees what the lease saw.
select k.destination, k.brin, d.sequence, d.id, d.branch, d.type::text as kind, d.status::text as status, d.attempts,
       d.expects_report, d.failed_since, d.refusals, d.refused_since, d.replay_of, d.planned_at, d.result,
       e.id as event_id, e.mandate_id, e.recorded_at, e.units::text as units, e.body, e.traceparent
  from unnest(:destinations::smallint[], :brins::text[], :heads::bigint[]) with ordinality k (destination, brin, head, o)
 cross join lateral (
    select d.* from deliveries d
     where d.destination = k.destination and d.brin = k.brin and d.sequence > k.head
     order by d.sequence limit :most
 ) d
 cross join lateral (select e.* from events e where e.brin = k.brin and e.number = d.event_number offset 0) e
 order by k.o, d.sequence;

-- name: complete_lanes
-- Write where leased lanes stand and give them back, in the order given, which is that of their keys. Only the owner
-- with the token may, and each lease has its own. A lane with another token is not returned, nor one that was given back
-- by a commit whose answer was lost. A delivery without a report is closed when everything before it is.
update lanes x
   set head = v.head, sent = v.sent, owner = null,
       closed = case when x.closed = x.head then greatest(x.closed, v.closed) else x.closed end,
       due = case when x.tail > v.head and not x.held then clock_timestamp() + make_interval(secs => v.wait) end,
       counts_from = case when v.keeps then x.counts_from end
  from unnest(:destinations::smallint[], :brins::text[], :tokens::bigint[], :heads::bigint[], :sents::bigint[],
              :closeds::bigint[], :waits::double precision[], :keeps::boolean[])
       v (destination, brin, token, head, sent, closed, wait, keeps)
 where x.destination = v.destination and x.brin = v.brin and x.token = v.token and x.owner = :owner
returning x.destination, x.brin;

-- name: mark_delivered
-- Move accepted deliveries to their next status; a row that moved already, as a report was faster, is not returned.
update deliveries d
   set status = u.status::delivery_status, attempts = d.attempts + 1, delivered_at = u.at, kafka_partition = u.part,
       kafka_offset = u.off, http_status = u.http_status, sent_ms = u.sent_ms
  from unnest(:destinations::smallint[], :brins::text[], :sequences::bigint[], :befores::text[], :statuses::text[],
              :ats::timestamptz[], :partitions::smallint[], :offsets::bigint[], :http_statuses::smallint[],
              :durations::integer[])
       u (destination, brin, sequence, before, status, at, part, off, http_status, sent_ms)
 where d.destination = u.destination and d.brin = u.brin and d.sequence = u.sequence
   and d.status = u.before::delivery_status
returning d.destination, d.brin, d.sequence;

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
