-- Deliveries per status. Each process adds to rows of its own, in key order; readers sum over processes.

-- name: add_tallies!
-- Add to the numbers of deliveries per status.
insert into tallies as t (process, destination, status, expects_report, n)
select :process, u.destination, u.status::delivery_status, u.expects_report, u.n
  from unnest(:destinations::smallint[], :statuses::text[], :expects::boolean[], :ns::bigint[])
       u (destination, status, expects_report, n)
 order by u.destination, u.status, u.expects_report
on conflict (process, destination, status, expects_report) do update set n = t.n + excluded.n;

-- name: write_moves!
-- Add to the numbers of deliveries per status, and put status changes, where there are any, into the outbox of the
-- published log: one row per transaction, its last statement.
select write_moves(:process, :destinations, :statuses, :expects, :ns, :items);

-- name: sum_tallies
-- Return the number of deliveries per status.
select t.destination, t.status::text as status, t.expects_report, sum(t.n)::bigint as n
  from tallies t group by t.destination, t.status, t.expects_report having sum(t.n) <> 0;
