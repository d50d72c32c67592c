-- Leases due lanes and returns their deliveries, one row each; a lane without any is one row without a delivery. Each
-- statement of the function sees what is committed when the statement begins: a delivery is read after its lane was
-- leased, so nobody can cancel it between the two. The commit does not wait for the disk: a lease that the server loses
-- when it crashes did no harm, because the lane is due again, and only the owner of the token completes it. The moment is
-- a variable, because an index is not searched for what a function returns that may return something else for each row:
-- whatever statistics the lease is planned by, it reads no lane that is not due.
create or replace function take_lanes(
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
  right_now timestamptz := clock_timestamp();
begin
  perform p.id, set_config('synchronous_commit', 'off', true)
     from processes p
    where p.id = for_owner and not p.declared_dead
      and exists (select from unnest(for_destinations) w (destination)
                   cross join lateral (select from lanes x where x.destination = w.destination
                                          and x.due <= right_now and not x.held limit 1) l)
      for share of p;
  if not found then
    return;
  end if;
  with wanted as (
    select l.destination, l.brin
      from unnest(for_destinations, most_lanes) w (destination, permits)
     cross join lateral (
        select x.destination, x.brin from lanes x
         where x.destination = w.destination and x.due <= right_now and not x.held
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
