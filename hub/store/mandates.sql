-- The register as callers see it. `everything`, `brins`, `bges` and `oins` give whose mandates a caller may
-- read; `systems` narrows `oins` to some of their systems, null does not.

-- name: read_mandate_views
-- Return mandates that a caller may read, with the names of their school and system, in the order of their ids.
select m.id, m.brin, m.service_code, m.supplier_oin, m.system_code, m.start_date, m.end_date, m.version, m.units::text as units,
       m.next_date, m.copied_from, m.created_at, m.updated_at, m.withdrawn_at,
       (select json_object_agg(r.branch, r.routing_id)::text from routes r where r.mandate_id = m.id) as routes,
       s.name as school_name, s.bge_code, y.name as system_name
  from mandates m
  join schools s on s.brin = m.brin
  join systems y on y.system_code = m.system_code
 where (:everything or m.brin = any(:brins::text[]) or s.bge_code = any(:bges::text[])
        or m.supplier_oin = any(:oins::text[])
           and (:systems::text[] is null or m.system_code = any(:systems::text[])))
   and (:id::uuid is null or m.id = :id)
   and (:brin::text is null or m.brin = :brin)
   and (:service_code::text is null or m.service_code = :service_code)
   and (:supplier_oin::text is null or m.supplier_oin = :supplier_oin)
   and (:system_code::text is null or m.system_code = :system_code)
   and (:reference_date::date is null
        or (m.start_date <= :reference_date and (m.end_date is null or m.end_date >= :reference_date)
            and (m.withdrawn_at is null
                 or (m.withdrawn_at at time zone 'Europe/Amsterdam')::date > :reference_date)))
   and (:after::uuid is null or m.id > :after)
 order by m.id
 limit :most;

-- name: read_shown_mandates
-- Return the mandates of these schools that are not over, or ended after a day.
select m.id, m.brin, m.service_code, m.supplier_oin, m.system_code, m.start_date, m.end_date, m.version, m.units::text as units,
       m.next_date, m.copied_from, m.created_at, m.updated_at, m.withdrawn_at,
       (select json_object_agg(r.branch, r.routing_id)::text from routes r where r.mandate_id = m.id) as routes,
       s.name as school_name, s.bge_code, y.name as system_name
  from unnest(:brins::text[]) k (brin)
  join schools s on s.brin = k.brin
  join mandates m on m.brin = k.brin
  join systems y on y.system_code = m.system_code
 where case when m.withdrawn_at is not null
            then (m.withdrawn_at at time zone 'Europe/Amsterdam')::date > :after::date
            else m.end_date is null or m.end_date > :after::date end;

-- name: list_schools
-- List schools by code, board or a pattern of their name (or another one), in the order of their codes.
select s.brin, s.name, s.bge_code, s.sector, s.closed_on
  from schools s
 where (:everything or s.brin = any(:brins::text[]) or s.bge_code = any(:bges::text[]))
   and (:brin::text is null or s.brin = :brin)
   and (:bge_code::text is null or s.bge_code = :bge_code)
   and (:pattern::text is null or lower(s.name) like :pattern or lower(s.name) like :other_pattern::text)
   and (:after::text is null or s.brin > :after)
 order by s.brin
 limit :most;

-- name: read_board^
-- Return a board and its agreements.
select bge_code, name, osr_agreement, vva_agreement from boards where bge_code = :bge_code;

-- name: list_systems
-- List systems in the order of their codes.
select system_code, supplier_oin, name, service_codes, contact_name, contact_email, contact_phone, contact_url
  from systems
 where :after::text is null or system_code > :after
 order by system_code
 limit :most;

-- name: read_known_events
-- Return the events of a school for a service up to a moment, in order.
select e.recorded_at, e.units::text as units, e.body
  from events e join mandates m on m.id = e.mandate_id
 where e.brin = :brin and e.recorded_at <= :known_at and m.service_code = :service_code
 order by e.number;

-- name: read_later_events
-- Return the events of a mandate after one of its versions, in order.
select e.recorded_at, e.type::text as kind, e.mandate_version, e.body
  from events e
 where e.brin = :brin and e.mandate_id = :mandate_id and e.mandate_version > :after
 order by e.number;

-- name: list_published_events
-- List published events that a caller may read, from a window of positions, in order.
select w.position, e.brin, e.number, e.id, e.type::text as kind, e.recorded_at, e.mandate_id, e.body, e.traceparent
  from (select f.position, f.brin, f.number from published_events f
         where f.position > :after and f.position <= :until order by f.position offset 0) w
 cross join lateral (select e.* from events e where e.brin = w.brin and e.number = w.number offset 0) e
 cross join lateral (select m.supplier_oin, m.system_code from mandates m where m.id = e.mandate_id offset 0) m
 where (:everything or w.brin = any(:brins::text[]) or m.supplier_oin = any(:oins::text[])
        and (:systems::text[] is null or m.system_code = any(:systems::text[])))
   and e.type::text = any(:kinds::text[])
 order by w.position
 limit :most;

-- name: read_brins_of_boards
-- Return the schools of these boards.
select brin from schools where bge_code = any(:bges::text[]);
