-- Notices to suppliers: what gives cause for one, which are open, and which are sent next.

-- name: read_notice_causes
-- Return what a supplier should hear about its subscription at this moment, except certificates, which are sealed.
-- Messages wait when nobody holds them and their lane has not moved for so long.
with receivers as (
  select u.id, u.status, d.id as destination, d.circuit, d.circuit_cause, d.circuit_since, d.circuit_error
    from subscriptions u
    join destinations d on d.system_code = u.system_code
   where u.status <> 'deleted')
select u.id as subscription_id, 'disabled' as cause, u.updated_at as since, u.status_reason as detail
  from subscriptions u where u.status = 'disabled'
 union all
select r.id, 'misconfigured', min(r.circuit_since), max(r.circuit_error)
  from receivers r where r.circuit <> 'closed' and r.circuit_cause = 'misconfigured' group by r.id
 union all
select r.id, 'waiting', min(w.planned_at), null
  from receivers r
  join lanes x on x.destination = r.destination and x.tail > x.head and not x.held
 cross join lateral (
    select d.planned_at from deliveries d
     where d.destination = x.destination and d.brin = x.brin and d.sequence > x.head
       and d.status in ('waiting', 'retrying')
     order by d.sequence limit 1) w
 where r.status in ('active', 'paused') and w.planned_at < :waiting_since group by r.id
 union all
select u.id, 'secret_expires', min(s.valid_until), null
  from subscription_secrets s
  join subscriptions u on u.id = s.subscription_id and u.status <> 'deleted'
 where s.valid_until > :now and s.valid_until < :secret_until group by u.id;

-- name: read_sealed_certificates
-- Return the sealed client certificates of subscriptions.
select u.id, u.client_certificate from subscriptions u
 where u.status <> 'deleted' and u.client_certificate is not null;

-- name: insert_notices
-- Write notices; a cause that has an open one, or had one so lately, gets none.
insert into subscription_notices (id, subscription_id, cause, detail, since, created_at, next_at)
select v.id, v.subscription_id, v.cause, v.detail, v.since, :now, clock_timestamp()
  from unnest(:ids::uuid[], :subscriptions::uuid[], :causes::text[], :details::text[], :sinces::timestamptz[])
       v (id, subscription_id, cause, detail, since)
 where not exists (select from subscription_notices n
                    where n.subscription_id = v.subscription_id and n.cause = v.cause
                      and (n.ended_at is null or n.created_at > :quiet_since))
on conflict do nothing
returning id;

-- name: end_notices
-- End the notices whose cause is over; one that was not sent is not sent any more.
update subscription_notices n set ended_at = :now, next_at = null
 where n.ended_at is null
   and not exists (select from unnest(:subscriptions::uuid[], :causes::text[]) v (subscription_id, cause)
                    where v.subscription_id = n.subscription_id and v.cause = n.cause)
returning n.id;

-- name: find_destination_subscription$
-- Return the subscription behind a destination that is not deleted, if any.
select u.id from destinations d
  join subscriptions u on u.system_code = d.system_code and u.status <> 'deleted'
 where d.id = :destination;

-- name: claim_notice^
-- Claim the next notice to send to a subscription that names an address: its next attempt comes after this one's wait.
update subscription_notices n
   set attempts = n.attempts + 1,
       next_at = clock_timestamp() + make_interval(secs => (:waits::double precision[])[n.attempts + 1])
 where n.id = (
    select c.id from subscription_notices c
      join subscriptions u on u.id = c.subscription_id
     where c.next_at <= clock_timestamp() and u.notice_url is not null and u.status <> 'deleted'
     order by c.next_at limit 1 for update of c skip locked)
returning n.*;

-- name: record_notice!
-- Record how an attempt to send a notice ended.
update subscription_notices
   set sent_at = :sent_at, error = :error, next_at = case when :sent_at::timestamptz is null then next_at end
 where id = :id and sent_at is null;

-- name: read_notices
-- Return the newest notices of a subscription, newest first.
select n.* from subscription_notices n where n.subscription_id = :subscription
 order by n.created_at desc, n.id desc limit :most;

-- name: read_open_notices
-- Return the open notices about a system's subscription, newest first.
select n.* from subscription_notices n
  join subscriptions u on u.id = n.subscription_id
 where u.system_code = :system_code and n.ended_at is null order by n.created_at desc, n.id desc;
