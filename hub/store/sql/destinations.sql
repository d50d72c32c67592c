-- Destinations as the forwarders see them: what may be sent to, and how it fares.

-- name: read_places
-- Every destination with its circuit; a system's webhook is open only while a subscription is active. What an operator
-- holds is held lane by lane.
select d.id, d.name, d.kind, d.topic, d.supplier_oin, d.circuit, d.circuit_openings, d.probe_at, d.taken_at,
       d.kind = 'duo' or exists (
         select 1 from subscriptions u where u.supplier_oin = d.supplier_oin and u.status = 'active') as is_open
  from destinations d;

-- name: open_circuit!
-- Nothing but probes from now on; who comes second changes nothing, unless a probe failed.
update destinations
   set circuit = 'open', circuit_since = coalesce(circuit_since, :since), circuit_cause = :cause, circuit_error = :error,
       circuit_openings = circuit_openings + 1, probe_at = clock_timestamp() + make_interval(secs => :probe_after)
 where id = :id and (circuit <> 'open');

-- name: claim_probe$
-- One forwarder gets to try; when it dies meanwhile another may after half a minute.
update destinations set circuit = 'half_open', probe_at = clock_timestamp() + interval '30 seconds'
 where id = :id and circuit <> 'closed' and probe_at <= clock_timestamp()
returning id;

-- name: close_circuit$
-- It takes messages again.
update destinations
   set circuit = 'closed', circuit_since = null, circuit_cause = null, circuit_error = null, circuit_openings = 0,
       probe_at = null, taken_at = clock_timestamp()
 where id = :id and circuit <> 'closed'
returning id;

-- name: lanes_due_now!
-- Make the next probe find a lane: the oldest waiting one is due.
update lanes x set due = clock_timestamp()
  from (select l.destination, l.brin from lanes l
         where l.destination = :id and l.owner is null and not l.held and l.tail > l.head and l.due is not null
         order by l.due limit 1 for update of l skip locked) w
 where x.destination = w.destination and x.brin = w.brin;

-- name: note_taken!
-- Remember when each destination last took something.
update destinations d set taken_at = u.at
  from unnest(:ids::smallint[], :ats::timestamptz[]) u (id, at)
 where d.id = u.id and (d.taken_at is null or d.taken_at < u.at);
