-- Replays and cancellations of many deliveries. What is held is held lane by lane.

create table bulk_acts (
  id uuid primary key,
  kind text not null check (kind in ('replay', 'cancellation')),
  chosen jsonb not null,
  reason text not null,
  rate integer not null check (rate > 0),
  state text not null check (state in ('awaiting_approval', 'running', 'done', 'cancelled')),
  asked_by text not null,
  asked_at timestamptz not null,
  approved_by text check (approved_by <> asked_by),
  approved_at timestamptz check ((approved_at is null) = (approved_by is null)),
  matched bigint not null,
  superseded bigint not null,
  todo bigint not null,
  done bigint not null default 0,
  skipped bigint not null default 0,
  ends bigint not null,
  sample jsonb not null,
  next_at timestamptz not null,
  ended_at timestamptz check ((ended_at is not null) = (state in ('done', 'cancelled')))
) with (fillfactor = 50);
create index bulk_acts_running on bulk_acts (next_at) where state = 'running';
comment on column bulk_acts.asked_by is 'A pseudonym, as in the audit; the person who approves is another one.';

create table bulk_items (
  act uuid not null references bulk_acts,
  n integer not null,
  destination smallint not null,
  brin text not null,
  mandate_id uuid not null,
  branch text not null,
  sequence bigint not null,
  primary key (act, n)
);
comment on table bulk_items is 'What an act has left to do; a row goes away in the transaction that does it.';

update lanes x set held = true, due = null from destinations d where d.id = x.destination and d.held;
