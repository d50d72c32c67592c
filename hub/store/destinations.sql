-- Destinations as forwarders see them: whether they may be sent to, their circuits and concurrency limits.

-- name: read_destination_states
-- Read every destination with its circuit and its concurrency limit; a system's webhook is open only while a
-- subscription is active. An operator's hold is on lanes, not here.
select d.id, d.name, d.kind, d.topic, d.circuit, d.circuit_openings as openings, d.accepted_at,
       d.pace as concurrency_limit, d.slowed_at, t.at,
       d.circuit <> 'closed' and coalesce(d.probe_at <= t.at, false) as probe_is_due,
       coalesce(d.paused_until > t.at, false) as is_paused,
       d.kind = 'duo' or exists (
         select 1 from subscriptions u where u.system_code = d.system_code and u.status = 'active') as is_open
  from destinations d cross join (select clock_timestamp() as at) t;

-- name: open_circuit$
-- Let only probes through from now on; a forwarder whose knowledge is outdated changes nothing.
update destinations
   set circuit = 'open', circuit_since = coalesce(circuit_since, :since), circuit_cause = :cause, circuit_error = :error,
       circuit_openings = circuit_openings + 1, probe_at = clock_timestamp() + make_interval(secs => :probe_after)
 where id = :id and circuit = :before
returning id;

-- name: claim_probe$
-- Let one forwarder probe; when it has no answer after so many seconds, because it died, another may.
update destinations set circuit = 'half_open', probe_at = clock_timestamp() + make_interval(secs => :seconds)
 where id = :id and circuit <> 'closed' and probe_at <= clock_timestamp()
returning id;

-- name: choose_probe!
-- Make the lane to probe with the first one due: the lane whose next message waits longest and has not used up its
-- tries; when probes rotate, the lane that was tried longest ago.
with chosen as (
  select l.destination, l.brin, min(l.due) over () as first_due
    from lanes l
   cross join lateral (
      select d.planned_at, d.id, d.refusals from deliveries d
       where d.destination = l.destination and d.brin = l.brin and d.sequence > l.head
         and d.status in ('waiting', 'retrying')
       order by d.sequence limit 1) d
   where l.destination = :id and l.due is not null and not l.held
   order by case when :rotates::boolean then l.due end, coalesce(d.refusals, 0) >= 2, d.planned_at, d.id limit 1
)
update lanes x
   set due = least(c.first_due, clock_timestamp()) - interval '1 millisecond',
       counts_from = coalesce(x.counts_from, case when x.due > clock_timestamp() then x.due end)
  from chosen c
 where x.destination = c.destination and x.brin = c.brin and x.due is not null;

-- name: close_circuit$
-- Close a circuit and return for how many seconds it was open. The row is locked no harder than an update needs, so
-- that a transaction that makes a lane of this destination, and holds others, does not wait for this one.
with was as (
  select d.id, d.circuit_since from destinations d where d.id = :id and d.circuit <> 'closed' for no key update)
update destinations d
   set circuit = 'closed', circuit_since = null, circuit_cause = null, circuit_error = null, circuit_openings = 0,
       probe_at = null
  from was
 where d.id = was.id
returning greatest(extract(epoch from clock_timestamp() - was.circuit_since), 0)::double precision;

-- name: shift_schedules!
-- Move retry schedules on by the time that the circuit was open.
update lanes x set counts_from = coalesce(x.counts_from, x.due) + make_interval(secs => :seconds)
  from (select l.destination, l.brin from lanes l
         where l.destination = :id and l.tail > l.head
           and (l.counts_from is not null or l.due > clock_timestamp())
         order by l.destination, l.brin for update of l) w
 where x.destination = w.destination and x.brin = w.brin;

-- name: slow_down!
-- Lower the concurrency limit of a destination that asked for patience, and pause it until the moment that it named.
update destinations
   set pace = least(pace, :limit), slowed_at = clock_timestamp(), slow_error = :error,
       paused_until = case when :seconds::double precision > 0
                           then greatest(paused_until, clock_timestamp() + make_interval(secs => :seconds)) else paused_until end
 where id = :id;

-- name: raise_limit$
-- Raise a concurrency limit, or remove it, when the destination has not asked for patience for a while.
update destinations
   set pace = :after::smallint, slowed_at = case when :after::smallint is not null then slowed_at end,
       slow_error = case when :after::smallint is not null then slow_error end,
       paused_until = case when :after::smallint is not null then paused_until end
 where id = :id and pace = :before and coalesce(paused_until <= clock_timestamp(), true)
   and slowed_at < clock_timestamp() - case when :has_accepted::boolean then interval '1 second' else interval '1 minute' end
returning id;

-- name: reset_deadlines
-- Reset moments that were named before the clock went back: they lie too far ahead.
update destinations d
   set probe_at = case when d.circuit <> 'closed' then clock_timestamp() end, paused_until = null,
       slowed_at = least(d.slowed_at, clock_timestamp())
  from (select l.id from destinations l order by l.id for no key update) o
 where d.id = o.id
returning d.id;

-- name: write_accepted!
-- Write when the newest message was sent that each destination accepted.
update destinations d set accepted_at = u.at
  from unnest(:ids::smallint[], :ats::timestamptz[]) u (id, at)
 where d.id = u.id and (d.accepted_at is null or d.accepted_at < u.at);
