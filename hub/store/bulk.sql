-- Bulk jobs: which deliveries they select, the job itself, and its items.

-- name: choose_deliveries
-- Select deliveries in the order of their lanes: the newest per unit, or each that waits. A filter that is null
-- selects all; the statement is planned for the filters that are given. A processing result says nothing of a unit:
-- it can be cancelled, not replayed.
select d.destination, d.brin, e.mandate_id, d.branch, max(d.sequence) as sequence, count(*)::integer as matched,
       (array_agg(d.id order by d.sequence desc))[1] as delivery_id,
       (array_agg(e.mandate_version order by d.sequence desc))[1] as mandate_version,
       (array_agg(d.type::text order by d.sequence desc))[1] in ('withdrawn', 'expired') as is_end
  from deliveries d
  join lanes x on x.destination = d.destination and x.brin = d.brin
  join events e on e.brin = d.brin and e.number = d.event_number
 where (:destination::smallint is null or d.destination = :destination::smallint)
   and (:brins::text[] is null or d.brin = any(:brins::text[]))
   and (:ids::uuid[] is null or d.id = any(:ids::uuid[]))
   and (:mandates::uuid[] is null or e.mandate_id = any(:mandates::uuid[]))
   and (:planned_from::timestamptz is null or d.planned_at >= :planned_from::timestamptz)
   and (:planned_until::timestamptz is null or d.planned_at <= :planned_until::timestamptz)
   and (:highest_id::uuid is null or d.id <= :highest_id::uuid)
   and case when :only_waiting::boolean then d.status in ('waiting', 'retrying') else d.result is null end
   and (:statuses::text[] is null
        or case when d.status in ('waiting', 'retrying') and (x.held or d.destination = any(:held_destinations::smallint[]))
                then 'held' else d.status::text end = any(:statuses::text[]))
 group by d.destination, d.brin, e.mandate_id, d.branch, case when :only_waiting::boolean then d.sequence end
 order by d.destination, d.brin, sequence;

-- name: lock_bulk_requester$
-- Let one person begin one job of a kind at a time, until the transaction ends.
select pg_advisory_xact_lock(hashtextextended('act' || chr(10) || :kind || chr(10) || :person, 0));

-- name: read_recent_volume^
-- Return how many deliveries or records one person's jobs and single acts of a kind processed or will process, of the
-- last day and without approval, and since when. Jobs that wait or were refused process nothing.
select coalesce(sum(b.n), 0)::bigint as deliveries, min(b.asked_at) filter (where b.n > 0) as since
  from (select a.asked_at, case when a.state = 'cancelled' then a.done else a.todo - a.skipped end as n
          from bulk_jobs a
         where a.kind = :kind and a.asked_by = :person and a.approved_by is null and a.state <> 'awaiting_approval'
           and a.asked_at > clock_timestamp() - interval '24 hours'
        union all
        select s.at, 1 from single_acts s
         where s.kind = :kind and s.person = :person and s.at > clock_timestamp() - interval '24 hours') b;

-- name: insert_single_act!
-- Count a single act of a person, and delete what no longer counts.
with outdated as (delete from single_acts where at <= clock_timestamp() - interval '24 hours')
insert into single_acts (person, kind, at) values (:person, :kind, clock_timestamp());

-- name: insert_bulk_job!
-- Insert a job with the database's time as `asked_at`.
insert into bulk_jobs (id, kind, chosen, reason, rate, state, asked_by, asked_at, matched, superseded, todo, ends, sample,
                       next_at, ended_at, recent, recent_since)
values (:id, :kind, :chosen::jsonb, :reason, :rate, :state, :asked_by, clock_timestamp(), :matched, :superseded, :todo,
        :ends, :sample::jsonb, :now, case when :state = 'done' then :now::timestamptz end, :recent, :recent_since);

-- name: insert_bulk_items!
-- Insert the items of a job, in order.
insert into bulk_items (job_id, position, destination, brin, mandate_id, branch, sequence)
select :job_id, u.position, u.destination, u.brin, u.mandate_id, u.branch, u.sequence
  from unnest(:destinations::smallint[], :brins::text[], :mandates::uuid[], :branches::text[], :sequences::bigint[])
       with ordinality u (destination, brin, mandate_id, branch, sequence, position);

-- name: read_bulk_job^
-- Return a job of one kind or of any.
select a.id, a.kind, a.chosen::text as chosen, a.reason, a.rate, a.state, a.asked_by, a.asked_at, a.approved_by,
       a.approved_at, a.matched, a.superseded, a.todo, a.done, a.skipped, a.ends, a.sample::text as sample, a.next_at,
       a.ended_at, a.recent, a.recent_since
  from bulk_jobs a where a.id = :id and (:kind::text is null or a.kind = :kind::text);

-- name: list_bulk_jobs
-- List jobs of a kind, newest first.
select a.id, a.kind, a.chosen::text as chosen, a.reason, a.rate, a.state, a.asked_by, a.asked_at, a.approved_by,
       a.approved_at, a.matched, a.superseded, a.todo, a.done, a.skipped, a.ends, a.sample::text as sample, a.next_at,
       a.ended_at, a.recent, a.recent_since
  from bulk_jobs a
 where a.kind = :kind and (:before::uuid is null or a.id < :before::uuid)
 order by a.id desc limit :most;

-- name: lock_bulk_job$
-- Lock a job until the transaction ends.
select a.id from bulk_jobs a where a.id = :id for update;

-- name: approve_bulk_job!
-- Approve a job, so that it begins.
update bulk_jobs set state = 'running', approved_by = :approved_by, approved_at = :now, next_at = :now where id = :id;

-- name: end_bulk_job!
-- End a job.
update bulk_jobs set state = :state, ended_at = :now where id = :id;

-- name: delete_bulk_items!
-- Delete all items of a job that are left.
delete from bulk_items where job_id = :job_id;

-- name: claim_bulk_job^
-- Lock the running job that is due for longest, unless another process has it. A `next_at` more than a minute ahead
-- was written by a clock that jumped: such a job is due too.
select a.id, a.kind, a.asked_by, a.reason, a.rate from bulk_jobs a
 where a.state = 'running' and (a.next_at <= :now or a.next_at > :now::timestamptz + interval '1 minute')
 order by a.next_at limit 1 for update skip locked;

-- name: read_next_bulk_items
-- Return the next items, in order; on request without those in a lane that is leased.
select i.position, i.destination, i.brin, i.mandate_id, i.branch, i.sequence
  from bulk_items i
  left join lanes x on x.destination = i.destination and x.brin = i.brin
 where i.job_id = :job_id and (not :only_idle::boolean or x.owner is null)
 order by i.position limit :most;

-- name: delete_done_bulk_items!
-- Delete items that are processed.
delete from bulk_items where job_id = :job_id and position = any(:positions::integer[]);

-- name: advance_bulk_job$
-- Count processed and skipped items, and set when the next portion is due; without items left the job is done.
update bulk_jobs a
   set done = a.done + :done, skipped = a.skipped + :skipped, next_at = :next_at,
       state = case when exists (select from bulk_items i where i.job_id = a.id) then a.state else 'done' end,
       ended_at = case when exists (select from bulk_items i where i.job_id = a.id) then null else :now::timestamptz end
 where a.id = :id
returning a.state;
