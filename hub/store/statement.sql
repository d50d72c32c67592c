-- The statement of a month: what each party owed and took, from the deliveries of the changes that were recorded in it.

-- name: read_statement_part
-- Return per destination what became of the deliveries with an id in a range: how long the hub took until the first
-- attempt (without the time that the destination was held), the receiver until it took the message, and its back office
-- until it reported. Ages that go on are not counted. The seconds come as histograms of bins one percent wide, a row per
-- destination and party (0 hub, 1 receiver, 2 back office; null where there are none), each bin with its longest.
with m as materialized (
  select d.destination, d.cause is not null as is_repeat, d.status, d.attempts,
         coalesce(d.refusals, 0) as refusals, d.expects_report, d.delivered_at is not null as is_taken,
         f.seconds - case when f.seconds < 5 then 0 else coalesce((
           select sum(greatest(date_part('epoch', least(coalesce(o.ended_at, f.at), f.at) - greatest(o.began_at, f.since)), 0))
             from destination_outages o
            where o.destination = d.destination and o.kind = 'hold' and o.began_at < f.at), 0) end as hub,
         case when d.failed_since is null and d.delivered_at is not null
              then coalesce(d.sent_ms, 0) / 1000.0::double precision
              else date_part('epoch', d.delivered_at - d.failed_since) end as receiver,
         date_part('epoch', d.processed_at - d.delivered_at) as processing,
         coalesce(p.objective_transport, :transport) as transport_limit,
         coalesce(p.objective_processing, :processing) as processing_limit
    from deliveries d
    join destinations p on p.id = d.destination
   cross join lateral (
      select case when d.cause is null
                  then to_timestamp(('x' || left(replace(d.id::text, '-', ''), 12))::bit(48)::bigint / 1000.0::double precision)
                  else d.planned_at end as since,
             coalesce(d.failed_since, d.delivered_at) as at) r
   cross join lateral (
      select r.since, r.at,
             case when r.at is not null
                  then greatest(date_part('epoch', r.at - r.since) - case when d.failed_since is null
                                then coalesce(d.sent_ms, 0) / 1000.0::double precision else 0 end, 0)
             end as seconds) f
   where d.id >= :low and d.id < :high
), sums as (
  select m.destination,
         count(*) as messages,
         count(*) filter (where m.is_repeat) as repeats,
         count(*) filter (where m.is_taken) as taken,
         count(*) filter (where m.status in ('waiting', 'retrying')) as open,
         count(*) filter (where m.status = 'dead') as dead,
         count(*) filter (where m.status = 'cancelled') as cancelled,
         sum(m.attempts - case when m.is_taken then 1 else 0 end)::bigint as failed_attempts,
         sum(m.refusals)::bigint as refused_attempts,
         count(m.hub) as attempted,
         count(*) filter (where m.hub <= m.transport_limit) as attempted_in_time,
         count(*) filter (where m.receiver <= m.transport_limit) as taken_in_time,
         count(*) filter (where m.expects_report and m.is_taken and m.status <> 'superseded') as expected,
         count(m.processing) as reported,
         count(*) filter (where m.processing <= m.processing_limit) as reported_in_time,
         count(*) filter (where m.status in ('rejected', 'declined')) as rejected,
         count(*) filter (where m.status = 'processed_with_signal') as with_signal,
         count(*) filter (where m.status = 'in_progress') as in_progress
    from m
   group by m.destination
), bins as (
  select m.destination, v.party, floor(ln(greatest(v.seconds, 0.001)) * 100)::integer as bin,
         count(*) as n, max(v.seconds) as longest
    from m
   cross join lateral (values (0, m.hub), (1, m.receiver), (2, m.processing)) v (party, seconds)
   where v.seconds is not null
   group by 1, 2, 3
)
select s.*, h.party, h.bins, h.numbers, h.longest
  from sums s
  left join (
    select b.destination, b.party, array_agg(b.bin) as bins, array_agg(b.n) as numbers, array_agg(b.longest) as longest
      from bins b
     group by b.destination, b.party) h on h.destination = s.destination;

-- name: read_unavailable_seconds
-- Return per destination for how many seconds at least one message was waiting for a receiver that had failed to take it.
with failing as (
  select d.destination, greatest(d.failed_since, :since) as began,
         least(coalesce(d.delivered_at, case when d.status = 'retrying' then :until else d.failed_since end), :until) as ended
    from deliveries d where d.id >= :low and d.id < :high and d.failed_since is not null
), marked as (
  select f.*, f.began > max(f.ended) over (partition by f.destination order by f.began, f.ended
                                           rows between unbounded preceding and 1 preceding) as is_new
    from failing f where f.ended > f.began
), islands as (
  select g.destination, g.began, g.ended,
         count(*) filter (where coalesce(g.is_new, true)) over (partition by g.destination order by g.began, g.ended) as nth
    from marked g
)
select s.destination, sum(extract(epoch from s.ended - s.began))::double precision as seconds
  from (select i.destination, i.nth, min(i.began) as began, max(i.ended) as ended from islands i
         group by i.destination, i.nth) s
 group by s.destination;

-- name: read_outage_seconds
-- Return per destination and kind for how many seconds of a period its circuit was open, or it was held.
select o.destination, o.kind,
       sum(extract(epoch from least(coalesce(o.ended_at, :until), :until) - greatest(o.began_at, :since)))::double precision
         as seconds
  from destination_outages o
 where o.began_at < :until and coalesce(o.ended_at, :until) > :since
 group by o.destination, o.kind;

-- name: read_school_steps^
-- Return how many messages a system left to a school's own step, and how long those took that were done. A step begins
-- with the system's first report that it is the school's turn.
select count(*) as steps, count(s.seconds) as done,
       percentile_disc(array[0.5, 0.99]) within group (order by s.seconds)::double precision[] as seconds
  from (select case when d.status in ('activated', 'declined')
                    then greatest(extract(epoch from d.processed_at - min(r.reported_at)), 0) end as seconds
          from deliveries d
          join destinations p on p.id = d.destination and p.kind = 'las'
          join reports r on r.destination = d.destination and r.brin = d.brin and r.sequence = d.sequence
           and r.status = 'in_progress'
         where d.id >= :low and d.id < :high
         group by d.destination, d.brin, d.sequence) s;
