-- Counters and histograms. Each process adds to rows of its own, in key order; readers sum over processes.

-- name: add_counters!
-- Add to counters.
insert into counters as k (process, name, destination, label, n)
select :process, u.name, u.destination, u.label, u.n
  from unnest(:names::text[], :destinations::smallint[], :labels::text[], :ns::bigint[]) u (name, destination, label, n)
 order by u.name, u.destination, u.label
on conflict (process, name, destination, label) do update set n = k.n + excluded.n;

-- name: sum_counters
-- Return all counters, summed over processes.
select k.name, k.destination, k.label, sum(k.n)::bigint as n from counters k group by k.name, k.destination, k.label;

-- name: add_hops!
-- Add histograms to those of this minute; the buckets of all of them are one array, `width` for each, and so are their
-- marks, each with the place of its histogram.
insert into hops as h (process, minute, destination, hop, buckets, seconds, n, marks, mark_counts)
select :process, date_trunc('minute', clock_timestamp()), u.destination, u.hop,
       (:buckets::bigint[])[(u.o - 1) * :width::bigint + 1 : u.o * :width::bigint], u.seconds, u.n, f.marks, f.counts
  from unnest(:destinations::smallint[], :hops::text[], :seconds::double precision[], :ns::bigint[])
       with ordinality u (destination, hop, seconds, n, o)
 cross join lateral (
    select coalesce(array_agg(m.mark order by m.mark), '{}') as marks,
           coalesce(array_agg(m.n order by m.mark), '{}') as counts
      from unnest(:places::integer[], :marks::smallint[], :mark_counts::bigint[]) m (place, mark, n)
     where m.place = u.o) f
 order by u.destination, u.hop
on conflict (process, minute, destination, hop) do update
   set buckets = (select array_agg(b.mine + b.new order by b.o)
                    from unnest(h.buckets, excluded.buckets) with ordinality b (mine, new, o)),
       seconds = h.seconds + excluded.seconds, n = h.n + excluded.n,
       (marks, mark_counts) = (
          select coalesce(array_agg(s.mark order by s.mark), '{}'), coalesce(array_agg(s.n order by s.mark), '{}')
            from (select m.mark, sum(m.n)::bigint as n
                    from (select * from unnest(h.marks, h.mark_counts)
                          union all select * from unnest(excluded.marks, excluded.mark_counts)) m (mark, n)
                   group by m.mark) s);

-- name: read_recent_percentiles
-- Return the marks below which half and 99 % of the durations of the last seconds lie.
select c.destination, c.hop, min(c.mark) filter (where c.upto >= c.total * 0.5) as p50,
       min(c.mark) filter (where c.upto >= c.total * 0.99) as p99
  from (select s.destination, s.hop, s.mark, sum(s.n) over (partition by s.destination, s.hop order by s.mark) as upto,
               sum(s.n) over (partition by s.destination, s.hop) as total
          from (select h.destination, h.hop, m.mark, sum(m.n) as n
                  from hops h cross join lateral unnest(h.marks, h.mark_counts) m (mark, n)
                 where h.minute > clock_timestamp() - make_interval(secs => :seconds)
                 group by h.destination, h.hop, m.mark) s) c
 group by c.destination, c.hop;

-- name: sum_all_hops
-- Return the histograms of all time.
select s.destination, s.hop, array_agg(s.n order by s.o) as buckets, sum(s.seconds) as seconds
  from (select h.destination, h.hop, b.o, sum(b.n)::bigint as n,
               case b.o when 1 then sum(h.seconds) else 0 end as seconds
          from hops h cross join lateral unnest(h.buckets) with ordinality b (n, o)
         group by h.destination, h.hop, b.o) s
 group by s.destination, s.hop;

-- name: has_foldable_rows$
-- Return whether rows can be folded: old minutes, or rows of processes without a heartbeat for an hour.
select exists (select from hops h where h.minute > '-infinity' and h.minute < clock_timestamp() - interval '10 minutes')
    or exists (select from (select process from tallies union select process from counters union select process from hops) r
                where r.process <> 0
                  and not exists (select from processes p
                                   where p.id = r.process and p.heartbeat_at > clock_timestamp() - interval '1 hour'));

-- name: claim_folding$
-- Let one process at a time fold, until the transaction ends.
select pg_try_advisory_xact_lock(hashtext('osr-hub folds its counters'));

-- name: sum_hop_history
-- Return the histograms since a moment per five minutes, over all destinations of a kind, the newest minutes included.
select s.at, s.kind, s.hop, array_agg(s.n order by s.o) as buckets
  from (select r.at, r.kind, r.hop, b.o, sum(b.n)::bigint as n
          from (select h.at, h.kind, h.hop, h.buckets from hop_history h where h.at >= :since::timestamptz
                union all
                select date_bin('5 minutes', h.minute, timestamptz 'epoch'), left(d.kind, 3), h.hop, h.buckets
                  from hops h join destinations d on d.id = h.destination
                 where h.minute >= :since::timestamptz and h.hop in ('transport', 'processing')) r
         cross join lateral unnest(r.buckets) with ordinality b (n, o)
         group by r.at, r.kind, r.hop, b.o) s
 group by s.at, s.kind, s.hop order by s.at, s.kind, s.hop;

-- name: delete_old_hop_history!
-- Delete histograms of more than a day ago.
delete from hop_history h where h.at < clock_timestamp() - interval '25 hours';

-- name: fold_hops!
-- Fold minutes that percentiles no longer use into one row per process, and keep them per five minutes for a day.
with old as (
  delete from hops h where h.minute > '-infinity' and h.minute < clock_timestamp() - interval '10 minutes' returning h.*
), five as (
  select date_bin('5 minutes', o.minute, timestamptz 'epoch') as at, left(d.kind, 3) as kind, o.hop, b.nth,
         sum(b.n)::bigint as n
    from old o
    join destinations d on d.id = o.destination
   cross join lateral unnest(o.buckets) with ordinality b (n, nth)
   where o.hop in ('transport', 'processing')
   group by 1, 2, o.hop, b.nth
), history as (
  insert into hop_history as h (at, kind, hop, buckets)
  select f.at, f.kind, f.hop, array_agg(f.n order by f.nth) from five f
   group by f.at, f.kind, f.hop order by f.at, f.kind, f.hop
  on conflict (at, kind, hop) do update
     set buckets = (select array_agg(b.mine + b.new order by b.o)
                      from unnest(h.buckets, excluded.buckets) with ordinality b (mine, new, o))
), spread as (
  select o.process, o.destination, o.hop, b.nth, sum(b.n)::bigint as n
    from old o cross join lateral unnest(o.buckets) with ordinality b (n, nth)
   group by o.process, o.destination, o.hop, b.nth
), whole as (
  select o.process, o.destination, o.hop, sum(o.seconds) as seconds, sum(o.n)::bigint as n
    from old o group by o.process, o.destination, o.hop
)
insert into hops as h (process, minute, destination, hop, buckets, seconds, n)
select w.process, '-infinity', w.destination, w.hop, array_agg(s.n order by s.nth), w.seconds, w.n
  from whole w join spread s using (process, destination, hop)
 group by w.process, w.destination, w.hop, w.seconds, w.n
 order by w.process, w.destination, w.hop
on conflict (process, minute, destination, hop) do update
   set buckets = (select array_agg(b.mine + b.new order by b.o)
                    from unnest(h.buckets, excluded.buckets) with ordinality b (mine, new, o)),
       seconds = h.seconds + excluded.seconds, n = h.n + excluded.n;

-- name: fold_hops_of_ended!
-- Fold histograms of processes without a heartbeat for an hour into process 0.
with gone as (
  delete from hops h
   where h.process <> 0 and h.minute = '-infinity'
     and not exists (select 1 from processes p
                      where p.id = h.process and p.heartbeat_at > clock_timestamp() - interval '1 hour')
  returning h.*
), spread as (
  select g.destination, g.hop, b.nth, sum(b.n)::bigint as n
    from gone g cross join lateral unnest(g.buckets) with ordinality b (n, nth)
   group by g.destination, g.hop, b.nth
), whole as (
  select g.destination, g.hop, sum(g.seconds) as seconds, sum(g.n)::bigint as n from gone g group by g.destination, g.hop
)
insert into hops as h (process, minute, destination, hop, buckets, seconds, n)
select 0, '-infinity', w.destination, w.hop, array_agg(s.n order by s.nth), w.seconds, w.n
  from whole w join spread s using (destination, hop)
 group by w.destination, w.hop, w.seconds, w.n
 order by w.destination, w.hop
on conflict (process, minute, destination, hop) do update
   set buckets = (select array_agg(b.mine + b.new order by b.o)
                    from unnest(h.buckets, excluded.buckets) with ordinality b (mine, new, o)),
       seconds = h.seconds + excluded.seconds, n = h.n + excluded.n;

-- name: fold_counters_of_ended!
-- Fold counters of processes without a heartbeat for an hour into process 0.
with gone as (
  delete from counters k
   where k.process <> 0
     and not exists (select 1 from processes p
                      where p.id = k.process and p.heartbeat_at > clock_timestamp() - interval '1 hour')
  returning k.*
)
insert into counters as k (process, name, destination, label, n)
select 0, g.name, g.destination, g.label, sum(g.n)
  from gone g group by g.name, g.destination, g.label order by g.name, g.destination, g.label
on conflict (process, name, destination, label) do update set n = k.n + excluded.n;

-- name: fold_tallies_of_ended!
-- Fold tallies of processes without a heartbeat for an hour into process 0.
with gone as (
  delete from tallies t
   where t.process <> 0
     and not exists (select 1 from processes p
                      where p.id = t.process and p.heartbeat_at > clock_timestamp() - interval '1 hour')
  returning t.*
)
insert into tallies as t (process, destination, status, expects_report, n)
select 0, g.destination, g.status, g.expects_report, sum(g.n)
  from gone g group by g.destination, g.status, g.expects_report order by g.destination, g.status::text, g.expects_report
on conflict (process, destination, status, expects_report) do update set n = t.n + excluded.n;
