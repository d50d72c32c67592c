-- What requests refer to is kept in memory by each process, known by a token that is another one after each change.
create table reference_state (
  singleton boolean primary key default true check (singleton),
  token uuid not null default gen_random_uuid()
);
comment on column reference_state.token is 'Another value after each change of `systems` or `services`.';
insert into reference_state default values;

create function change_reference_token() returns trigger language plpgsql as $$
begin
  update reference_state set token = gen_random_uuid();
  return null;
end
$$;
comment on function change_reference_token() is
  'Systems or services changed: what processes keep of them in memory is outdated.';
create trigger systems_change_token after insert or update or delete or truncate on systems
  for each statement execute function change_reference_token();
create trigger services_change_token after insert or update or delete or truncate on services
  for each statement execute function change_reference_token();

-- Locks schools, and that of a mandate, until the transaction ends, in key order. Returns per school all that a decision
-- on its mandates needs. Each statement of the function sees what is committed when the statement begins: what it reads
-- after the lock is what the last holder of the lock left. With a subject it also returns the pseudonym of who decides,
-- and locks the heads of the audit chains of the schools, which are the last locks of a transaction.
create function lock_register(
  for_brins text[], for_mandate uuid, for_service text, on_day date, for_subject text, at_moment timestamptz,
  most_events integer
) returns table (
  token uuid, pseudonym uuid, brin text, name text, bge_code text, closed_on date, counter bigint,
  osr_agreement boolean, vva_agreement boolean, branches text, mandates text, paced_at timestamptz, length bigint,
  seal bytea
) language plpgsql as $$
#variable_conflict use_column
declare
  codes text[] := for_brins || array(select m.brin from mandates m where m.id = for_mandate);
  who uuid;
begin
  perform set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),
          set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true);
  perform from schools s where s.brin = any(codes) order by s.brin for update;
  while for_subject is not null and who is null loop
    select p.pseudonym into who from people p where p.subject = for_subject;
    if who is null then
      insert into people as p (pseudonym, subject, since) values (gen_random_uuid(), for_subject, at_moment)
      on conflict (subject) do nothing returning p.pseudonym into who;
    end if;
  end loop;
  if for_subject is not null then
    insert into audit_heads (chain)
    select s.brin from schools s
     where s.brin = any(codes) and not exists (select from audit_heads h where h.chain = s.brin)
     order by s.brin collate "C"
    on conflict do nothing;
    perform from audit_heads h where h.chain = any(codes) order by h.chain collate "C" for update;
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
                  or m.id = for_mandate)),
         (select e.recorded_at from events e where e.brin = s.brin and e.number = s.counter - most_events + 1),
         h.length, h.seal
    from schools s
    join boards b on b.bge_code = s.bge_code
    join reference_state r on r.singleton
    left join audit_heads h on h.chain = s.brin and for_subject is not null
   where s.brin = any(codes);
end
$$;
comment on function lock_register(text[], uuid, text, date, text, timestamptz, integer) is
  'Lock schools and return all that a decision on their mandates needs; statements after it look up by key.';
