-- Who asked to be told, where, and by which secrets. Deleted subscriptions stay as rows: a first one comes only once.

-- name: insert_subscription!
-- A new subscription; the index lets a supplier have one at most.
insert into subscriptions (id, supplier_oin, url, services, types, processing_results, reports, requested_rate,
                           allowed_rate, retry_schedule, client_certificate, created_at, updated_at)
values (:id, :oin, :url, :services, :types, :processing_results, :reports, :requested_rate, :allowed_rate,
        :retry_schedule, :client_certificate, :now, :now);

-- name: read_subscriptions
-- Those that are not deleted, of one supplier or of all.
select u.* from subscriptions u
 where u.status <> 'deleted' and (u.supplier_oin = :oin or :oin::text is null)
 order by u.created_at, u.id;

-- name: read_subscription^
-- One that is not deleted.
select u.* from subscriptions u where u.id = :id and u.status <> 'deleted';

-- name: lock_subscription^
-- One that is not deleted, kept as it is until the transaction ends.
select u.* from subscriptions u where u.id = :id and u.status <> 'deleted' for update;

-- name: count_subscriptions$
-- How many subscriptions a supplier has or had.
select count(*) from subscriptions where supplier_oin = :oin;

-- name: change_subscription!
-- Write what its owner may change.
update subscriptions
   set url = :url, services = :services, types = :types, processing_results = :processing_results, reports = :reports,
       requested_rate = :requested_rate, allowed_rate = :allowed_rate, retry_schedule = :retry_schedule,
       client_certificate = :client_certificate, version = version + 1, updated_at = :now
 where id = :id;

-- name: set_subscription_status!
-- Activate, pause, disable or delete it, and say why.
update subscriptions set status = :status, status_reason = :reason, version = version + 1, updated_at = :now
 where id = :id;

-- name: disable_subscription$
-- The receiver wants nothing any more; only the first to notice gets an id back.
update subscriptions u set status = 'disabled', status_reason = :reason, version = version + 1, updated_at = :now
  from destinations d
 where d.id = :destination and u.supplier_oin = d.supplier_oin and u.status = 'active'
returning u.id;

-- name: insert_secret!
-- One more secret that signs.
insert into subscription_secrets (subscription_id, sealed, created_at) values (:id, :sealed, :now);

-- name: set_secrets_end!
-- Those that had no end get one.
update subscription_secrets set valid_until = :until where subscription_id = :id and valid_until is null;

-- name: delete_secrets!
-- Nothing is signed for it any more.
delete from subscription_secrets where subscription_id = :id;

-- name: delete_ended_secrets!
-- Remove what no longer signs.
delete from subscription_secrets where subscription_id = :id and valid_until <= :now;

-- name: read_valid_secrets
-- What signs at this moment, newest first.
select s.sealed from subscription_secrets s
 where s.subscription_id = :id and (s.valid_until is null or s.valid_until > :now)
 order by s.id desc;

-- name: read_receivers
-- Every destination with an active subscription: the webhook and the copies of a system go to the same place.
select d.id as destination, u.id, u.url, u.allowed_rate, u.retry_schedule, u.client_certificate,
       array(select s.sealed from subscription_secrets s
              where s.subscription_id = u.id and (s.valid_until is null or s.valid_until > clock_timestamp())
              order by s.id desc) as secrets
  from subscriptions u
  join destinations d on d.supplier_oin = u.supplier_oin
 where u.status = 'active';

-- name: count_forwarders$
-- How many share what a receiver allows.
select count(*) from processes where role = 'forward' and heartbeat_at > clock_timestamp() - make_interval(secs => :seconds);

-- name: read_supplier_destinations
-- The lanes of a supplier: of its webhook, and of its copies.
select d.id, d.kind, d.name from destinations d where d.supplier_oin = :oin order by d.id;

-- name: find_services
-- Which of these services there are.
select s.code from services s where s.code = any(:codes::text[]);

-- name: system_exists$
-- Whether a supplier's system is registered.
select exists (select 1 from systems where supplier_oin = :oin);

-- name: read_supplier_schools
-- The schools whose webhook deliveries go to a supplier, in key order.
select distinct m.brin
  from mandates m join services s on s.code = m.service_code
 where m.supplier_oin = :oin and s.destination is null
 order by m.brin;

-- name: lock_supplier_planning
-- Hold the planning of schools still, in the order given, which is that of their keys.
select p.brin
  from unnest(:brins::text[]) with ordinality k (brin, o)
 cross join lateral (select p.brin from planning_progress p where p.brin = k.brin for update) p;

-- name: read_living_units
-- What a supplier's webhook was told as far as its schools are planned: each unit, unless the newest event was its end.
select t.brin, t.mandate_id, t.branch
  from (select distinct on (m.id, u.branch) m.brin, m.id as mandate_id, u.branch, u.type
          from mandates m
          join services s on s.code = m.service_code and s.destination is null
          join planning_progress p on p.brin = m.brin
         cross join lateral (select e.number, e.units from events e
                              where e.mandate_id = m.id and e.number <= p.planned_through offset 0) e
         cross join lateral jsonb_to_recordset(e.units) u (branch text, type text)
         where m.supplier_oin = :oin
         order by m.id, u.branch, e.number desc) t
 where t.type not in ('withdrawn', 'expired');

-- name: lock_waiting_lanes
-- Hold a destination's lanes that have something to send still, in key order.
select x.brin from lanes x where x.destination = :destination and x.tail > x.head order by x.brin for update;

-- name: cancel_waiting
-- Cancel all that waits in the lanes that are locked, and say what it was.
with waiting as materialized (
  select d.destination, d.brin, d.sequence, d.status
    from unnest(:brins::text[]) k (brin)
    join lanes x on x.destination = :destination and x.brin = k.brin
   cross join lateral (
      select d.* from deliveries d
       where d.destination = x.destination and d.brin = x.brin and d.sequence > x.head
         and d.status in ('waiting', 'retrying')
       offset 0) d
)
update deliveries d set status = 'cancelled', reason = :reason
  from waiting w
 where d.destination = w.destination and d.brin = w.brin and d.sequence = w.sequence
returning d.brin, d.sequence, w.status::text as before, d.expects_report;

-- name: empty_lanes!
-- Nothing is left to send in the lanes that are locked; who has one leased loses it.
update lanes x
   set head = x.tail, due = null, owner = null, token = x.token + 1,
       sent = greatest(x.sent, (select max(d.sequence) from deliveries d
                                 where d.destination = x.destination and d.brin = x.brin and d.sequence > x.head
                                   and d.status <> 'cancelled'))
  from unnest(:brins::text[]) k (brin)
 where x.destination = :destination and x.brin = k.brin;
