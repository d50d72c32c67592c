-- Leases due lanes and returns their deliveries, one row each; a lane without any is one row without a delivery. Each
-- statement of the function sees what is committed when the statement begins: a delivery is read after its lane was
-- leased, so nobody can cancel it between the two. The commit does not wait for the disk: a lease that the server loses
-- when it crashes did no harm, because the lane is due again, and only the owner of the token completes it.
create function take_lanes(
  for_owner integer, for_destinations smallint[], most_lanes integer[], most_each integer, most_together integer
) returns table (
  destination smallint, brin text, head bigint, sent bigint, closed bigint, token bigint, early double precision,
  sequence bigint, id uuid, branch text, kind text, status text, attempts smallint, expects_report boolean,
  failed_since timestamptz, refusals smallint, refused_since timestamptz, replay_of uuid, planned_at timestamptz,
  result text, event_id uuid, mandate_id uuid, recorded_at timestamptz, units text, body text, traceparent text
) language plpgsql as $$
#variable_conflict use_column
declare
  leased record;
begin
  perform p.id, set_config('synchronous_commit', 'off', true)
     from processes p
    where p.id = for_owner and not p.declared_dead
      and exists (select from unnest(for_destinations) w (destination)
                   cross join lateral (select from lanes x where x.destination = w.destination
                                          and x.due <= clock_timestamp() and not x.held limit 1) l)
      for share of p;
  if not found then
    return;
  end if;
  with wanted as (
    select l.destination, l.brin
      from unnest(for_destinations, most_lanes) w (destination, permits)
     cross join lateral (
        select x.destination, x.brin from lanes x
         where x.destination = w.destination and x.due <= clock_timestamp() and not x.held
         order by x.due limit w.permits for update skip locked
     ) l
  ), owned as (
    update lanes x set owner = for_owner, due = null, token = x.token + 1
      from wanted w
     where x.destination = w.destination and x.brin = w.brin
    returning x.destination, x.brin, x.head, x.sent, x.closed, x.token,
              greatest(extract(epoch from x.counts_from - clock_timestamp()), 0)::double precision as early
  )
  select array_agg(o.destination) as destinations, array_agg(o.brin) as brins, array_agg(o.head) as heads,
         array_agg(o.sent) as sents, array_agg(o.closed) as closeds, array_agg(o.token) as tokens,
         array_agg(o.early) as earlies, greatest(1, least(most_each, most_together / greatest(count(*), 1))) as each
    into leased
    from owned o;
  return query
  select k.destination, k.brin, k.head, k.sent, k.closed, k.token, k.early, d.sequence, d.id, d.branch, d.type::text,
         d.status::text, d.attempts, d.expects_report, d.failed_since, d.refusals, d.refused_since, d.replay_of,
         d.planned_at, d.result, e.id, e.mandate_id, e.recorded_at, e.units::text, e.body, e.traceparent
    from unnest(leased.destinations, leased.brins, leased.heads, leased.sents, leased.closeds, leased.tokens,
                leased.earlies) with ordinality k (destination, brin, head, sent, closed, token, early, o)
    left join lateral (
      select d.* from deliveries d
       where d.destination = k.destination and d.brin = k.brin and d.sequence > k.head
       order by d.sequence limit leased.each
    ) d on true
    left join lateral (select e.* from events e where e.brin = k.brin and e.number = d.event_number offset 0) e on true
   order by k.o, d.sequence;
end
$$;
comment on function take_lanes(integer, smallint[], integer[], integer, integer) is
  'Lease due lanes and read their deliveries; statements after the lease see what it left.';

-- Writes where leased lanes stand and gives them back, in the order given, which is that of their keys. Only the owner
-- with the token may, and each lease has its own. A lane with another token is not returned, nor one that was given back
-- by a commit whose answer was lost. A delivery without a report is closed when everything before it is.
create function complete_lanes(
  by_owner integer, destinations smallint[], brins text[], tokens bigint[], heads bigint[], sents bigint[],
  closeds bigint[], waits double precision[], keeps boolean[]
) returns table (destination smallint, brin text, is_due boolean) language plpgsql as $$
#variable_conflict use_column
begin
  return query
  update lanes x
     set head = v.head, sent = v.sent, owner = null,
         closed = case when x.closed = x.head then greatest(x.closed, v.closed) else x.closed end,
         due = case when x.tail > v.head and not x.held
                    then clock_timestamp() + make_interval(secs => coalesce(v.wait, 0)) end,
         counts_from = case when v.keeps then x.counts_from end
    from unnest(destinations, brins, tokens, heads, sents, closeds, waits, keeps)
         v (destination, brin, token, head, sent, closed, wait, keeps)
   where x.destination = v.destination and x.brin = v.brin and x.token = v.token and x.owner = by_owner
  returning x.destination, x.brin, x.due is not null and coalesce(v.wait, 0) = 0;
end
$$;
comment on function complete_lanes(
  integer, smallint[], text[], bigint[], bigint[], bigint[], bigint[], double precision[], boolean[]
) is 'Give leased lanes back; return those that were still leased, and whether more is due at once.';

-- Moves accepted deliveries to their next status; a row that moved already, as a report was faster, is not returned.
create function mark_delivered(
  destinations smallint[], brins text[], sequences bigint[], befores text[], afters text[], ats timestamptz[],
  partitions smallint[], offsets bigint[], http_statuses smallint[], durations integer[]
) returns table (destination smallint, brin text, sequence bigint) language plpgsql as $$
#variable_conflict use_column
begin
  return query
  update deliveries d
     set status = u.status::delivery_status, attempts = d.attempts + 1, delivered_at = u.at, kafka_partition = u.part,
         kafka_offset = u.off, http_status = u.http_status, sent_ms = u.sent_ms
    from unnest(destinations, brins, sequences, befores, afters, ats, partitions, offsets, http_statuses, durations)
         u (destination, brin, sequence, before, status, at, part, off, http_status, sent_ms)
   where d.destination = u.destination and d.brin = u.brin and d.sequence = u.sequence
     and d.status = u.before::delivery_status
  returning d.destination, d.brin, d.sequence;
end
$$;
comment on function mark_delivered(
  smallint[], text[], bigint[], text[], text[], timestamptz[], smallint[], bigint[], smallint[], integer[]
) is 'Move accepted deliveries to their next status; return those that moved.';

-- Adds to the numbers of deliveries per status, and puts status changes, where there are any, into the outbox of the
-- published log: one row per transaction, its last statement.
create function write_moves(
  by_process integer, destinations smallint[], statuses text[], expects boolean[], ns bigint[], changes text
) returns void language plpgsql as $$
begin
  insert into tallies as t (process, destination, status, expects_report, n)
  select by_process, u.destination, u.status::delivery_status, u.expects_report, u.n
    from unnest(destinations, statuses, expects, ns) u (destination, status, expects_report, n)
   order by u.destination, u.status, u.expects_report
  on conflict (process, destination, status, expects_report) do update set n = t.n + excluded.n;
  if changes is not null then
    insert into change_outbox (items) values (changes::jsonb);
  end if;
end
$$;
comment on function write_moves(integer, smallint[], text[], boolean[], bigint[], text) is
  'Count moves of deliveries, and put them into the outbox.';

-- Completes lanes of which every attempt was accepted, and writes all that follows: one statement, one commit. Where a
-- lane has another owner by now, or a delivery moved already, it raises OSR01 and nothing is written.
create function record_accepted(
  by_owner integer, lane_destinations smallint[], lane_brins text[], tokens bigint[], heads bigint[], sents bigint[],
  closeds bigint[], destinations smallint[], brins text[], sequences bigint[], befores text[], afters text[],
  ats timestamptz[], partitions smallint[], offsets bigint[], http_statuses smallint[], durations integer[],
  tally_destinations smallint[], tally_statuses text[], tally_expects boolean[], tally_ns bigint[], changes text
) returns boolean language plpgsql as $$
declare
  completed bigint;
  moved bigint;
  any_due boolean;
begin
  select count(*), coalesce(bool_or(c.is_due), false) into completed, any_due
    from complete_lanes(by_owner, lane_destinations, lane_brins, tokens, heads, sents, closeds, null, null) c;
  select count(*) into moved
    from mark_delivered(destinations, brins, sequences, befores, afters, ats, partitions, offsets, http_statuses,
                        durations);
  if completed <> cardinality(lane_brins) or moved <> cardinality(brins) then
    raise exception 'a lane or a delivery is not as it was read' using errcode = 'OSR01';
  end if;
  perform write_moves(by_owner, tally_destinations, tally_statuses, tally_expects, tally_ns, changes);
  return any_due;
end
$$;
comment on function record_accepted(
  integer, smallint[], text[], bigint[], bigint[], bigint[], bigint[], smallint[], text[], bigint[], text[], text[],
  timestamptz[], smallint[], bigint[], smallint[], integer[], smallint[], text[], boolean[], bigint[], text
) is 'Complete lanes of which every attempt was accepted; return whether one of them is due again.';
