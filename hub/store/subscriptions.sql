-- Subscriptions: where systems receive messages, and the secrets that sign them. Deleted subscriptions stay as
-- rows, because a system has a first subscription only once.

-- name: insert_subscription!
-- Insert a subscription; the unique index allows one per system.
insert into subscriptions (id, supplier_oin, system_code, url, services, types, processing_results, reports,
                           requested_rate, allowed_rate, retry_schedule, client_certificate, signatures, notice_url,
                           created_at, updated_at)
values (:id, :oin, :system_code, :url, :services, :types, :processing_results, :reports, :requested_rate,
        :allowed_rate, :retry_schedule, :client_certificate, :signatures, :notice_url, :now, :now);

-- name: read_subscriptions
-- Return subscriptions that are not deleted, of one system or of all.
select u.* from subscriptions u
 where u.status <> 'deleted' and (u.system_code = :system_code or :system_code::text is null)
 order by u.created_at, u.id;

-- name: read_subscription^
-- Return a subscription that is not deleted.
select u.* from subscriptions u where u.id = :id and u.status <> 'deleted';

-- name: lock_subscription^
-- Lock a subscription that is not deleted, and return it.
select u.* from subscriptions u where u.id = :id and u.status <> 'deleted' for update;

-- name: count_subscriptions$
-- Return how many subscriptions a system has or had.
select count(*) from subscriptions where system_code = :system_code;

-- name: change_subscription!
-- Write what the owner of a subscription may change.
update subscriptions
   set url = :url, services = :services, types = :types, processing_results = :processing_results, reports = :reports,
       requested_rate = :requested_rate, allowed_rate = :allowed_rate, retry_schedule = :retry_schedule,
       client_certificate = :client_certificate, signatures = :signatures, notice_url = :notice_url,
       version = version + 1, updated_at = :now
 where id = :id;

-- name: set_subscription_status!
-- Activate, pause, disable or delete a subscription, with a reason.
update subscriptions set status = :status, status_reason = :reason, version = version + 1, updated_at = :now
 where id = :id;

-- name: disable_subscription$
-- Disable the subscription of a receiver that answered 410; only the first caller gets its id.
update subscriptions u set status = 'disabled', status_reason = :reason, version = version + 1, updated_at = :now
  from destinations d
 where d.id = :destination and u.system_code = d.system_code and u.status = 'active'
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
select d.id as destination, u.id, u.url, u.allowed_rate, u.retry_schedule, u.client_certificate, u.signatures,
       array(select s.sealed from subscription_secrets s
              where s.subscription_id = u.id and (s.valid_until is null or s.valid_until > clock_timestamp())
              order by s.id desc) as secrets
  from subscriptions u
  join destinations d on d.system_code = u.system_code
 where u.status = 'active';

-- name: count_forwarders$
-- Count the forwarders that share the rate of a receiver.
select count(*) from processes
 where role = 'forward' and heartbeat_at > clock_timestamp() - make_interval(secs => :seconds);

-- name: read_system_destinations
-- Return the destinations of a system: its webhook and its copies.
select d.id, d.kind, d.name from destinations d where d.system_code = :system_code order by d.id;
