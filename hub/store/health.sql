-- Health: what processes write of their loops, what waits for each role, and what nobody has read of a topic.

-- name: read_beating_processes
-- Return the processes that beat, and for how many seconds each was silent.
select p.role, p.host, p.pid, p.version, p.loops::text as loops,
       greatest(extract(epoch from clock_timestamp() - p.heartbeat_at), 0)::double precision as silent
  from processes p where p.heartbeat_at > clock_timestamp() - interval '5 seconds' order by p.role, p.id;

-- name: read_backlog^
-- Return since when the oldest event waits to be published, the oldest change of a delivery to be published, and the
-- oldest due lane of a destination that takes messages, without a rate, to be leased.
select (select e.recorded_at from event_outbox o join events e on e.brin = o.brin and e.number = o.number
         where not exists (select from event_outbox r where r.refused_at is not null and r.brin = o.brin)
         order by o.id limit 1) as event_at,
       (select (x.items -> 0 ->> 5)::timestamptz from change_outbox x order by x.id limit 1) as change_at,
       (select min(f.due)
          from destinations d
          left join subscriptions u on u.system_code = d.system_code and u.status <> 'deleted'
         cross join lateral (
            select x.due from lanes x where x.destination = d.id and x.due is not null order by x.due limit 1) f
         where d.circuit = 'closed' and (d.paused_until is null or d.paused_until < clock_timestamp())
           and (d.kind = 'duo' or u.status = 'active' and u.allowed_rate is null)
           and isfinite(f.due)) as due_at,
       clock_timestamp() as now;

-- name: read_unread_topics
-- Return what consumer groups have not read of topics.
select u.consumer_group, u.topic, u.records,
       greatest(extract(epoch from clock_timestamp() - u.oldest_at), 0)::double precision as oldest_seconds
  from unread_topics u order by u.topic, u.consumer_group;

-- name: write_unread_topic!
-- Write what a consumer group has not read of a topic, and for how many seconds the oldest of it is there.
insert into unread_topics as u (consumer_group, topic, records, oldest_at, seen_at)
values (:consumer_group, :topic, :records,
        clock_timestamp() - make_interval(secs => :oldest_seconds::double precision), clock_timestamp())
on conflict (consumer_group, topic) do update
   set records = excluded.records, oldest_at = excluded.oldest_at, seen_at = excluded.seen_at;
