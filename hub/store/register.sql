-- The register. Schools are locked in key order; their rows are read by later statements, which see what the last
-- holder of the lock committed.

-- name: lock_schools!
-- Lock these schools until the transaction ends. They are read by a statement of its own: a join would lose a school
-- whose board changed while this waited for the lock.
select from schools where brin = any(:brins::text[]) order by brin for update;

-- name: read_schools
-- Return these schools with the agreements of their boards.
select s.brin, s.name, s.bge_code, s.closed_on, s.counter, b.osr_agreement, b.vva_agreement
  from schools s join boards b on b.bge_code = s.bge_code
 where s.brin = any(:brins::text[]);

-- name: read_branches
-- Return the branches of these schools, in order.
select brin, branch, name, closed_on from branches where brin = any(:brins::text[]) order by branch;

-- name: read_living_mandates
-- Return the mandates of these schools that have not ended, or whose end the calendar has not announced yet.
select m.id, m.brin, m.service_code, m.supplier_oin, m.system_code, m.start_date, m.end_date, m.version, m.units::text as units,
       m.next_date, m.copied_from, m.created_at, m.updated_at, m.withdrawn_at,
       (select json_object_agg(r.branch, r.routing_id)::text from routes r where r.mandate_id = m.id) as routes
  from mandates m
 where m.brin = any(:brins::text[])
   and (:service_code::text is null or m.service_code = :service_code)
   and m.withdrawn_at is null
   and (m.end_date is null or m.end_date >= :today or m.next_date is not null)
 order by m.brin, m.service_code, m.id;

-- name: read_mandate^
-- Return one mandate.
select m.id, m.brin, m.service_code, m.supplier_oin, m.system_code, m.start_date, m.end_date, m.version, m.units::text as units,
       m.next_date, m.copied_from, m.created_at, m.updated_at, m.withdrawn_at,
       (select json_object_agg(r.branch, r.routing_id)::text from routes r where r.mandate_id = m.id) as routes
  from mandates m
 where m.id = :id;

-- name: read_systems
-- Return the systems that may be mandated, with the services that they offer.
select system_code, supplier_oin, name, service_codes, contact_name, contact_email, contact_phone, contact_url
  from systems order by system_code;

-- name: read_services
-- Return the services with the queue of each; null where the system itself receives the messages.
select s.code, s.shown_as, d.name as destination, d.topic, s.version
  from services s left join destinations d on d.id = s.destination
 order by s.code;

-- name: lock_service!
-- Lock a service until the transaction ends.
select from services where code = :code for update;

-- name: insert_service!
-- Insert a service; one of DUO with the destination of its queue.
with queue as (
  insert into destinations (name, kind, topic)
  select :destination, 'duo', :topic where :destination::text is not null
  returning id
)
insert into services (code, shown_as, destination) values (:code, :shown_as, (select id from queue));

-- name: rename_service!
-- Write what a service is shown as.
update services set shown_as = :shown_as, version = version + 1 where code = :code;

-- name: read_used_routing
-- Return the routing characteristics that mandates in force of a school use, over all services.
select m.id, m.service_code, m.start_date, m.end_date, r.branch, r.routing_id
  from mandates m
 cross join lateral (select r.branch, r.routing_id from routes r where r.mandate_id = m.id offset 0) r
 where m.brin = :brin and m.withdrawn_at is null and (m.end_date is null or m.end_date >= :today);

-- name: write_register!
-- Write one change of the register: mandates, their routing, events, rows of the outbox, counters of schools, and
-- sealed audit entries with the heads of their chains; the caller has locked the schools and the heads. Each parameter
-- is the rows of one table as JSON: the driver looks at every value of an array, four times over.
with mandate as (
  insert into mandates as x (id, brin, service_code, supplier_oin, system_code, start_date, end_date, version, units,
                             next_date, copied_from, created_at, updated_at, withdrawn_at)
  select u.id, u.brin, u.service_code, u.supplier_oin, u.system_code, u.start_date, u.end_date, u.version, u.units,
         u.next_date, u.copied_from, u.created_at, u.updated_at, u.withdrawn_at
    from json_to_recordset(:mandates::json)
         u (id uuid, brin text, service_code text, supplier_oin text, system_code text, start_date date, end_date date,
            version integer, units jsonb, next_date date, copied_from uuid, created_at timestamptz,
            updated_at timestamptz, withdrawn_at timestamptz)
  on conflict (id) do update
     set start_date = excluded.start_date, end_date = excluded.end_date, version = excluded.version,
         units = excluded.units, next_date = excluded.next_date, updated_at = excluded.updated_at,
         withdrawn_at = excluded.withdrawn_at
), unrouted as (
  delete from routes r
   using json_to_recordset(:unrouted::json) u (mandate_id uuid, branch text)
   where r.mandate_id = u.mandate_id and r.branch = u.branch
), routed as (
  insert into routes as x (mandate_id, branch, routing_id)
  select u.mandate_id, u.branch, u.routing_id
    from json_to_recordset(:routed::json) u (mandate_id uuid, branch text, routing_id text)
  on conflict (mandate_id, branch) do update set routing_id = excluded.routing_id
), event as (
  select u.*
    from rows from (json_to_recordset(:events::json)
                    as (brin text, number bigint, recorded_at timestamptz, id uuid, mandate_id uuid,
                        mandate_version integer, type event_type, units jsonb, body text, traceparent text))
         with ordinality u (brin, number, recorded_at, id, mandate_id, mandate_version, type, units, body, traceparent,
                            nth)
), logged as (
  insert into events (brin, number, recorded_at, id, mandate_id, mandate_version, type, units, body, traceparent)
  select e.brin, e.number, e.recorded_at, e.id, e.mandate_id, e.mandate_version, e.type, e.units, e.body, e.traceparent
    from event e
), queued as (
  insert into event_outbox (brin, number) select e.brin, e.number from event e order by e.nth
), head as (
  update audit_heads h set length = u.length, seal = u.seal
    from json_to_recordset(:heads::json) u (chain text, length bigint, seal bytea)
   where h.chain = u.chain
), audited as (
  insert into audit (at, actor, action, brin, subject, before, after, reason, number, seal)
  select u.at, u.actor, u.action, u.brin, u.subject, u.before, u.after, u.reason, u.number, u.seal
    from rows from (json_to_recordset(:entries::json)
                    as (at timestamptz, actor text, action text, brin text, subject json, before json, after json,
                        reason text, number bigint, seal bytea))
         with ordinality u (at, actor, action, brin, subject, before, after, reason, number, seal, nth)
   order by u.nth
)
update schools s set counter = u.counter
  from json_to_recordset(:counters::json) u (brin text, counter bigint)
 where s.brin = u.brin;

-- name: write_system!
-- Insert or update a system, and create its two destinations: the webhook and its copies.
with system as (
  insert into systems (system_code, supplier_oin, name, service_codes, contact_name, contact_email, contact_phone,
                       contact_url)
  select u.code, u.supplier_oin, u.name, string_to_array(u.services, ','), u.contact_name, u.contact_email,
         u.contact_phone, u.contact_url
    from unnest(:codes::text[], :supplier_oins::text[], :names::text[], :service_codes::text[], :contact_names::text[],
                :contact_emails::text[], :contact_phones::text[], :contact_urls::text[])
         u (code, supplier_oin, name, services, contact_name, contact_email, contact_phone, contact_url)
   order by u.code
  on conflict (system_code) do update
     set name = excluded.name, service_codes = excluded.service_codes, contact_name = excluded.contact_name,
         contact_email = excluded.contact_email, contact_phone = excluded.contact_phone,
         contact_url = excluded.contact_url
)
insert into destinations (name, kind, supplier_oin, system_code)
select k.kind || ':' || u.code, k.kind, u.supplier_oin, u.code
  from unnest(:codes::text[], :supplier_oins::text[]) u (code, supplier_oin)
 cross join (values ('las'), ('las-copy')) k (kind)
on conflict (name) do nothing;

-- name: read_due_schools
-- Return schools with mandates whose next date has come, and how many. These mandates are found first, by their dates:
-- in the order of schools, and up to a limit, the database would read all mandates where none is due.
with due as materialized (select m.brin from mandates m where m.next_date <= :today)
select d.brin, count(*) as n from due d group by d.brin order by d.brin limit :most;
