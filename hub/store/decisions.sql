-- What a decision on mandates needs, in one statement. `schema.sql` has the function and says what it locks.

-- name: lock_register
-- Lock schools, and those of mandates, until the transaction ends, and return what decisions on their mandates need.
select token, pseudonyms, brin, name, bge_code, closed_on, counter, osr_agreement, vva_agreement, branches, mandates,
       paced_at, length, seal
  from lock_register(:brins, :mandate_ids, :service_code, :today, :subjects, :at, :most_events, :only_free);

-- name: read_references^
-- Return all systems and services, and the token by which these are known.
select r.token,
       (select json_agg(json_build_object(
                 'system_code', y.system_code, 'supplier_oin', y.supplier_oin, 'name', y.name,
                 'service_codes', y.service_codes, 'contact_name', y.contact_name, 'contact_email', y.contact_email,
                 'contact_phone', y.contact_phone, 'contact_url', y.contact_url) order by y.system_code)::text
          from systems y) as systems,
       (select json_agg(json_build_object(
                 'code', s.code, 'shown_as', s.shown_as, 'destination', d.name, 'topic', d.topic, 'version', s.version)
                 order by s.code)::text
          from services s left join destinations d on d.id = s.destination) as services
  from reference_state r where r.singleton;
