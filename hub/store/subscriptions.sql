-- Subscriptions: where suppliers receive messages, and the secrets that sign them. Deleted subscriptions stay as
-- rows, because a supplier has a first subscription only once.

-- name: insert_subscription!
-- Insert a subscription; the unique index allows one per supplier.
insert into subscriptions (id, supplier_oin, url, services, types, processing_results, reports, requested_rate,
                           allowed_rate, retry_schedule, client_certificate, created_at, updated_at)
values (:id, :oin, :url, :services, :types, :processing_results, :reports, :requested_rate, :allowed_rate,
        :retry_schedule, :client_certificate, :now, :now);

-- name: read_subscriptions
-- Return subscriptions that are not deleted, of one supplier or of all.
select u.* from subscriptions u
 where u.status <> 'deleted' and (u.supplier_oin = :oin or :oin::text is null)
 order by u.created_at, u.id;

-- name: read_subscription^
-- Return a subscription that is not deleted.
select u.* from subscriptions u where u.id = :id and u.status <> 'deleted';

-- name: lock_subscription^
-- Lock a subscription that is not deleted, and return it.
select u.* from subscriptions u where u.id = :id and u.status <> 'deleted' for update;

-- name: count_subscriptions$
-- Return how many subscriptions a supplier has or had.
select count(*) from subscriptions where supplier_oin = :oin;

-- name: change_subscription!
-- Write what the owner of a subscription may change.
update subscriptions
   set url = :url, services = :services, types = :types, processing_results = :processing_results, reports = :reports,
       requested_rate = :requested_rate, allowed_rate = :allowed_rate, retry_schedule = :retry_schedule,
       client_certificate = :client_certificate, version = version + 1, updated_at = :now
 where id = :id;

-- name: set_subscription_status!
-- Activate, pause, disable or delete a subscription, with a reason.
update subscriptions set status = :status, status_reason = :reason, version = version + 1, updated_at = :now
 where id = :id;

-- name: disable_subscription$
-- Disable the subscription of a receiver that answered 410; only the first caller gets its id.
update subscriptions u set status = 'disabled', status_reason = :reason, version = version + 1, updated_at = :now
  from destinations d
 where d.id = :destination and u.supplier_oin = d.supplier_oin and u.status = 'active'
returning u.id;

-- name: insert_secret!
-- Insert a signing secret.
insert into subscription_secrets (subscription_id, sealed, created_at) values (:id, :sealed, :now);

-- name: set_secrets_end!
-- Give secrets without an end this one.
update subscription_secrets set valid_until = :until where subscription_id = :id and valid_until is null;

-- name: delete_secrets!
-- Delete all secrets of a subscription.
delete from subscription_secrets where subscription_id = :id;

-- name: delete_ended_secrets!
-- Delete secrets that no longer sign.
delete from subscription_secrets where subscription_id = :id and valid_until <= :now;

-- name: read_valid_secrets
-- Return the secrets that sign at this moment, newest first.
select s.sealed from subscription_secrets s
 where s.subscription_id = :id and (s.valid_until is null or s.valid_until > :now)
 order by s.id desc;

-- name: read_receivers
-- Return every destination with an active subscription: the webhook and the copies of a system share one URL.
select d.id as destination, u.id, u.url, u.allowed_rate, u.retry_schedule, u.client_certificate,
       array(select s.sealed from subscription_secrets s
              where s.subscription_id = u.id and (s.valid_until is null or s.valid_until > clock_timestamp())
              order by s.id desc) as secrets
  from subscriptions u
  join destinations d on d.supplier_oin = u.supplier_oin
 where u.status = 'active';

-- name: count_forwarders$
-- Count the forwarders that share the rate of a receiver.
select count(*) from processes
 where role = 'forward' and heartbeat_at > clock_timestamp() - make_interval(secs => :seconds);

-- name: read_supplier_destinations
-- Return the destinations of a supplier: its webhook and its copies.
select d.id, d.kind, d.name from destinations d where d.supplier_oin = :oin order by d.id;

-- name: find_services
-- Return which of these services exist.
select s.code from services s where s.code = any(:codes::text[]);

-- name: system_exists$
-- Return whether a supplier's system is registered.
select exists (select 1 from systems where supplier_oin = :oin);

-- name: read_supplier_schools
-- Return the schools whose webhook deliveries go to a supplier, in key order.
select distinct m.brin
  from mandates m join services s on s.code = m.service_code
 where m.supplier_oin = :oin and s.destination is null
 order by m.brin;

-- name: lock_supplier_planning
-- Lock the planning of schools, in the order given (that of their keys).
select p.brin
  from unnest(:brins::text[]) with ordinality k (brin, o)
 cross join lateral (select p.brin from planning_progress p where p.brin = k.brin for update) p;

-- name: read_living_units
-- Return the units that a supplier's webhook was told of as far as its schools are planned, unless the newest event
-- ended the unit.
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
-- Lock the lanes of a destination that have deliveries to send, in key order.
select x.brin from lanes x where x.destination = :destination and x.tail > x.head order by x.brin for update;

-- name: cancel_waiting
-- Cancel all waiting deliveries of locked lanes, and return them with their earlier status.
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
-- Move the heads of locked lanes to their tails; the owner of a leased one loses its lease.
update lanes x
   set head = x.tail, due = null, owner = null, token = x.token + 1,
       sent = greatest(x.sent, (select max(d.sequence) from deliveries d
                                 where d.destination = x.destination and d.brin = x.brin and d.sequence > x.head
                                   and d.status <> 'cancelled'))
  from unnest(:brins::text[]) k (brin)
 where x.destination = :destination and x.brin = k.brin;
