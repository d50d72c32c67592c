-- Locks schools, and those of mandates, until the transaction ends, in key order. Returns per school all that a decision
-- on its mandates needs. Each statement of the function sees what is committed when the statement begins: what it reads
-- after the lock is what the last holder of the lock left. With subjects it also returns the pseudonyms of those who
-- decide, in their order, and locks the heads of the audit chains of the schools, which are the last locks of a
-- transaction. With `only_free` a school that another transaction holds, or its chain, is left out, so that nothing waits.
create function lock_register(
  for_brins text[], for_mandates uuid[], for_service text, on_day date, for_subjects text[], at_moment timestamptz,
  most_events integer, only_free boolean
) returns table (
  token uuid, pseudonyms uuid[], brin text, name text, bge_code text, closed_on date, counter bigint,
  osr_agreement boolean, vva_agreement boolean, branches text, mandates text, paced_at timestamptz, length bigint,
  seal bytea
) language plpgsql as $$
#variable_conflict use_column
declare
  codes text[] := for_brins || array(select m.brin from mandates m where m.id = any(for_mandates));
  is_decided boolean := cardinality(for_subjects) > 0;
  who uuid[] := '{}';
begin
  perform set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),
          set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true);
  if only_free then
    codes := array(select s.brin from schools s where s.brin = any(codes) order by s.brin for update skip locked);
  else
    perform from schools s where s.brin = any(codes) order by s.brin for update;
  end if;
  while cardinality(who) < cardinality(for_subjects) loop
    who := array(select p.pseudonym from unnest(for_subjects) with ordinality u (subject, nth)
                  cross join lateral (select x.pseudonym from people x where x.subject = u.subject offset 0) p
                  order by u.nth);
    if cardinality(who) < cardinality(for_subjects) then
      insert into people (pseudonym, subject, since)
      select gen_random_uuid(), u.subject, at_moment from (select distinct unnest(for_subjects)) u (subject)
       where not exists (select from people p where p.subject = u.subject)
       order by u.subject
      on conflict (subject) do nothing;
    end if;
  end loop;
  if is_decided then
    insert into audit_heads (chain)
    select s.brin from schools s
     where s.brin = any(codes) and not exists (select from audit_heads h where h.chain = s.brin)
     order by s.brin collate "C"
    on conflict do nothing;
    if only_free then
      codes := array(select h.chain from audit_heads h where h.chain = any(codes) order by h.chain collate "C"
                        for update skip locked);
    else
      perform from audit_heads h where h.chain = any(codes) order by h.chain collate "C" for update;
    end if;
  end if;
  return query
  select r.token, who, s.brin, s.name, s.bge_code, s.closed_on, s.counter, b.osr_agreement, b.vva_agreement,
         (select json_agg(json_build_array(x.branch, x.name, x.closed_on) order by x.branch)::text
            from branches x where x.brin = s.brin),
         (select json_agg(json_build_object(
                   'id', m.id, 'brin', m.brin, 'service_code', m.service_code, 'supplier_oin', m.supplier_oin,
                   'system_code', m.system_code, 'start_date', m.start_date, 'end_date', m.end_date,
                   'version', m.version, 'next_date', m.next_date, 'copied_from', m.copied_from,
                   'created_at', m.created_at, 'updated_at', m.updated_at, 'withdrawn_at', m.withdrawn_at,
                   'units', m.units, 'routes', (select json_object_agg(o.branch, o.routing_id) from routes o
                                                 where o.mandate_id = m.id))
                 order by m.service_code, m.id)::text
            from mandates m
           where m.brin = s.brin and (for_service is null or m.service_code = for_service)
             and (m.withdrawn_at is null and (m.end_date is null or m.end_date >= on_day or m.next_date is not null)
                  or m.id = any(for_mandates))),
         (select e.recorded_at from events e where e.brin = s.brin and e.number = s.counter - most_events + 1),
         h.length, h.seal
    from schools s
    join boards b on b.bge_code = s.bge_code
    join reference_state r on r.singleton
    left join audit_heads h on h.chain = s.brin and is_decided
   where s.brin = any(codes);
end
$$;
comment on function lock_register(text[], uuid[], text, date, text[], timestamptz, integer, boolean) is
  'Lock schools and return all that decisions on their mandates need; statements after it look up by key.';

create or replace function lock_register(
  for_brins text[], for_mandate uuid, for_service text, on_day date, for_subject text, at_moment timestamptz,
  most_events integer
) returns table (
  token uuid, pseudonym uuid, brin text, name text, bge_code text, closed_on date, counter bigint,
  osr_agreement boolean, vva_agreement boolean, branches text, mandates text, paced_at timestamptz, length bigint,
  seal bytea
) language sql as $$
  select l.token, l.pseudonyms[1], l.brin, l.name, l.bge_code, l.closed_on, l.counter, l.osr_agreement,
         l.vva_agreement, l.branches, l.mandates, l.paced_at, l.length, l.seal
    from lock_register(for_brins, array_remove(array[for_mandate], null), for_service, on_day,
                       array_remove(array[for_subject], null), at_moment, most_events, false) l
$$;
comment on function lock_register(text[], uuid, text, date, text, timestamptz, integer) is
  'What processes of older versions call.';
