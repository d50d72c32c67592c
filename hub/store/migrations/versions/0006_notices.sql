alter table subscriptions add column notice_url text;
comment on column subscriptions.notice_url is 'Where notices about the subscription are sent, if anywhere.';

-- Notices to suppliers about their subscriptions: one per cause until it ends.
create table subscription_notices (
  id uuid primary key,
  subscription_id uuid not null references subscriptions,
  cause text not null check (
    cause in ('disabled', 'misconfigured', 'waiting', 'secret_expires', 'certificate_expires')),
  detail text not null,
  since timestamptz not null,
  created_at timestamptz not null,
  ended_at timestamptz,
  attempts smallint not null default 0,
  next_at timestamptz,
  sent_at timestamptz,
  error text,
  check (next_at is null or (sent_at is null and ended_at is null))
);
create unique index subscription_notices_one_per_cause on subscription_notices (subscription_id, cause)
  where ended_at is null;
create index subscription_notices_newest on subscription_notices (subscription_id, created_at);
create index subscription_notices_due on subscription_notices (next_at) where next_at is not null;
comment on column subscription_notices.since is 'When the cause began; for something that expires, when it does.';
comment on column subscription_notices.next_at is 'When it is sent next; null: sent, over, or tried often enough.';
