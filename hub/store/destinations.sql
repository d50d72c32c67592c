-- Destinations as the forwarders see them: what may be sent to, and how it fares.

-- name: read_destination_states
-- Every destination with its circuit and its pace; a system's webhook is open only while a subscription is active. What
-- an operator holds is held lane by lane.
select d.id, d.name, d.kind, d.topic, d.circuit, d.circuit_openings as openings, d.accepted_at, d.pace, d.slowed_at, t.at,
       d.circuit <> 'closed' and coalesce(d.probe_at <= t.at, false) as probe_is_due,
       coalesce(d.paused_until > t.at, false) as is_paused,
       d.kind = 'duo' or exists (
         select 1 from subscriptions u where u.supplier_oin = d.supplier_oin and u.status = 'active') as is_open
  from destinations d cross join (select clock_timestamp() as at) t;

-- name: open_circuit$
-- Nothing but probes from now on; whoever knows less than all the others changes nothing.
update destinations
   set circuit = 'open', circuit_since = coalesce(circuit_since, :since), circuit_cause = :cause, circuit_error = :error,
       circuit_openings = circuit_openings + 1, probe_at = clock_timestamp() + make_interval(secs => :probe_after)
 where id = :id and circuit = :before
returning id;

-- name: claim_probe$
-- One forwarder gets to try; when nothing was heard of that after so many seconds, because it died, another may.
update destinations set circuit = 'half_open', probe_at = clock_timestamp() + make_interval(secs => :seconds)
 where id = :id and circuit <> 'closed' and probe_at <= clock_timestamp()
returning id;

-- name: choose_probe!
-- Let the lane to probe with be the first that is due: the one whose next message waits longest and has not used up its
-- tries; in its turn, the one that was tried longest ago.
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
-- It takes messages again: for how many seconds did it not? Its row is held no harder than an update needs: whoever makes
-- a lane of it, and has others, need not wait for this, which goes on to lanes.
with was as (
  select d.id, d.circuit_since from destinations d where d.id = :id and d.circuit <> 'closed' for no key update)
update destinations d
   set circuit = 'closed', circuit_since = null, circuit_cause = null, circuit_error = null, circuit_openings = 0,
       probe_at = null
  from was
 where d.id = was.id
returning greatest(extract(epoch from clock_timestamp() - was.circuit_since), 0)::double precision;

-- name: shift_schedules!
-- The time that a circuit was open does not count for the schedules of retries.
update lanes x set counts_from = coalesce(x.counts_from, x.due) + make_interval(secs => :seconds)
  from (select l.destination, l.brin from lanes l
         where l.destination = :id and l.tail > l.head
           and (l.counts_from is not null or l.due > clock_timestamp())
         order by l.destination, l.brin for update of l) w
 where x.destination = w.destination and x.brin = w.brin;

-- name: slow_down!
-- It asked for patience: fewer lanes at once, and none until the moment it named, if any.
update destinations
   set pace = least(pace, :pace), slowed_at = clock_timestamp(), slow_error = :error,
       paused_until = case when :seconds::double precision > 0
                           then greatest(paused_until, clock_timestamp() + make_interval(secs => :seconds)) else paused_until end
 where id = :id;

-- name: speed_up$
-- Nobody asked for patience for a while: twice as many lanes at once, or as many as usual.
update destinations
   set pace = :after::smallint, slowed_at = case when :after::smallint is not null then slowed_at end,
       slow_error = case when :after::smallint is not null then slow_error end,
       paused_until = case when :after::smallint is not null then paused_until end
 where id = :id and pace = :before and coalesce(paused_until <= clock_timestamp(), true)
   and slowed_at < clock_timestamp() - case when :took::boolean then interval '1 second' else interval '1 minute' end
returning id;

-- name: reset_deadlines
-- The clock went back: moments that were named before lie an hour too far ahead.
update destinations d
   set probe_at = case when d.circuit <> 'closed' then clock_timestamp() end, paused_until = null,
       slowed_at = least(d.slowed_at, clock_timestamp())
  from (select l.id from destinations l order by l.id for no key update) o
 where d.id = o.id
returning d.id;

-- name: write_accepted!
-- Remember when the newest message was sent that each destination took.
update destinations d set accepted_at = u.at
  from unnest(:ids::smallint[], :ats::timestamptz[]) u (id, at)
 where d.id = u.id and (d.accepted_at is null or d.accepted_at < u.at);
