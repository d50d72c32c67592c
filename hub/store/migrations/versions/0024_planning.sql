-- Returns who receives what, as JSON: per destination its number, name, kind and system, the services of a queue, and the
-- services and types that its system subscribed to, and whether it reports.
create function read_directory() returns text language sql volatile as $$
  select json_agg(json_build_object(
           'id', d.id, 'name', d.name, 'kind', d.kind, 'system_code', d.system_code,
           'queue_of', (select json_agg(s.code) from services s where s.destination = d.id),
           'services', u.services, 'types', u.types, 'reports', u.reports) order by d.id)::text
    from destinations d
    left join subscriptions u on u.system_code = d.system_code and u.status <> 'deleted'
$$;
comment on function read_directory() is 'Return who receives what, as JSON.';

-- Makes rows of schools that are planned for the first time, in the order given; codes that are not in the register are
-- left out.
create function begin_planning(for_brins text[]) returns void language sql as $$
  insert into planning_progress (brin)
  select k.brin from unnest(for_brins) with ordinality k (brin, o)
   where exists (select from schools s where s.brin = k.brin)
     and not exists (select from planning_progress p where p.brin = k.brin)
   order by k.o
  on conflict do nothing
$$;
comment on function begin_planning(text[]) is 'Make rows of schools that are planned for the first time.';

-- Locks schools against planning, in the order given (that of their keys), and returns their unplanned events, at most so
-- many of each. Each statement of the function sees what is committed when the statement begins. Its last row has no event
-- but the schools that are not in the register, and, where there is something to plan, the directory, which is read under
-- the shared gate: that keeps destinations from being held or released as a whole until the transaction ends, so that a new
-- lane gets the state of its destination.
create function lock_unplanned(for_brins text[], most_each integer, for_gate bigint) returns table (
  brin text, number bigint, id uuid, units text, service_code text, system_code text, unknown text[], directory text
) language plpgsql as $$
#variable_conflict use_column
declare
  locked record;
  has_events boolean;
begin
  for turn in 1..2 loop
    select coalesce(array_agg(p.brin order by k.o), '{}') as brins, array_agg(p.planned_through order by k.o) as throughs
      into locked
      from unnest(for_brins) with ordinality k (brin, o)
     cross join lateral (
        select x.brin, x.planned_through from planning_progress x where x.brin = k.brin for update) p;
    exit when turn = 2 or cardinality(locked.brins) = cardinality(for_brins);
    perform begin_planning(for_brins);
  end loop;
  return query
  select k.brin, e.number, e.id, e.units::text, e.service_code, e.system_code, null::text[], null::text
    from unnest(locked.brins, locked.throughs) with ordinality k (brin, through, o)
   cross join lateral (
      select n.number, n.id, n.units, m.service_code, m.system_code
        from (select x.number, x.id, x.units, x.mandate_id from events x
               where x.brin = k.brin and x.number > k.through order by x.number limit most_each) n
       cross join lateral (select m.service_code, m.system_code from mandates m where m.id = n.mandate_id offset 0) m
   ) e
   order by k.o, e.number;
  has_events := found;
  if has_events then
    perform pg_advisory_xact_lock_shared(for_gate);
  end if;
  return query
  select null::text, null::bigint, null::uuid, null::text, null::text, null::text,
         case when cardinality(locked.brins) < cardinality(for_brins)
              then array(select b.brin from unnest(for_brins) b (brin) where b.brin <> all(locked.brins)) else '{}' end,
         case when has_events then read_directory() end;
end
$$;
comment on function lock_unplanned(text[], integer, bigint) is
  'Lock schools against planning; return their unplanned events, and who receives what.';
