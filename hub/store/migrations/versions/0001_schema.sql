-- The memory of the hub. Everything that must not be lost is a row here, written in the transaction of its cause.
-- Reading order: the register (who may exchange what), the log (what changed), the ledger (what was told to whom),
-- the counters (how it goes). Ten million deliveries is the size every line was weighed against. A fill factor below one
-- half lets a batch that touches every row of a page write all new versions there, without touching an index.

-- ---------------------------------------------------------------------------------------------- the register

create table boards (
  bge_code text primary key check (bge_code ~ '^[0-9]{5}$'),
  name text,
  osr_agreement boolean not null default true,
  vva_agreement boolean not null default true
);

create table schools (
  brin text primary key check (brin ~ '^[0-9]{2}[A-Z]{2}$'),
  name text not null,
  bge_code text not null references boards,
  sector text not null check (sector in ('po', 'vo')),
  closed_on date,
  listed_in text[] not null default '{}' check (listed_in <@ array['po', 'vo']),
  counter bigint not null default 0 check (counter >= 0),
  forgotten bigint not null default 0
) with (fillfactor = 45);
create index schools_board on schools (bge_code);
comment on column schools.closed_on is 'The first day without it.';
comment on column schools.listed_in is 'The sectors whose newest file lists it: when the last of them leaves it out, it closes. Empty: no file brought it.';
comment on column schools.counter is 'The number of the school''s newest event; raised under the row''s lock.';
comment on column schools.forgotten is 'How many of its events are not kept any more.';

create table branches (
  branch text primary key check (branch ~ '^[0-9]{2}[A-Z]{2}[0-9]{2}$'),
  brin text not null references schools check (brin = left(branch, 4)),
  name text not null,
  closed_on date,
  listed_in text[] not null default '{}' check (listed_in <@ array['po', 'vo'])
);
create index branches_school on branches (brin);

create table systems (
  supplier_oin text primary key check (supplier_oin ~ '^[0-9]{8}[0-9A-Z]{12}$'),
  name text not null,
  service_codes text[] not null
);

create table destinations (
  id smallint generated always as identity primary key,
  name text not null unique,
  kind text not null check (kind in ('duo', 'las', 'las-copy')),
  topic text check ((kind = 'duo') = (topic is not null)),
  supplier_oin text references systems check ((kind = 'duo') = (supplier_oin is null)),
  held boolean not null default false,
  circuit text not null default 'closed' check (circuit in ('closed', 'open', 'half_open')),
  circuit_since timestamptz,
  circuit_cause text check (circuit_cause in ('unreachable', 'misconfigured')),
  circuit_error text,
  circuit_openings integer not null default 0,
  probe_at timestamptz,
  taken_at timestamptz,
  open_from uuid,
  pace smallint check (pace > 0),
  slowed_at timestamptz,
  slow_error text,
  paused_until timestamptz,
  check ((circuit = 'closed') = (circuit_since is null) and (circuit = 'closed') = (circuit_cause is null))
);
create index destinations_supplier on destinations (supplier_oin);
comment on column destinations.taken_at is 'When the newest message that it took was sent; a refusal of one message while others are taken is that message''s fault.';
comment on column destinations.open_from is 'Every delivery with a lower id is settled for good; the search for the oldest unprocessed one starts here.';
comment on column destinations.pace is 'How many lanes a forwarder may have in hand there at once, since it asked for patience; null: as many as usual.';
comment on column destinations.paused_until is 'It answered 429 and named this moment; nothing goes there before.';

create table services (
  code text primary key check (code ~ '^[A-Z][A-Z0-9_-]{0,39}$'),
  shown_as text not null,
  destination smallint references destinations
);
comment on column services.destination is 'The queue of DUO that gets it; null: the webhook of the mandated system.';

create table mandates (
  id uuid primary key,
  brin text not null references schools,
  service_code text not null references services,
  supplier_oin text not null references systems,
  start_date date not null,
  end_date date check (end_date >= start_date),
  version integer not null default 1,
  units jsonb not null,
  next_date date,
  copied_from uuid,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  withdrawn_at timestamptz,
  check (withdrawn_at is null or next_date is null)
) with (fillfactor = 80);
create index mandates_school on mandates (brin, service_code);
create index mandates_supplier on mandates (supplier_oin);
create index mandates_calendar on mandates (next_date) where next_date is not null;
comment on column mandates.units is 'The units as last computed: [{"branch", "routing", "covers": [branch], "told"}]. What was told is heard to its end.';
comment on column mandates.next_date is 'The day the calendar must speak: the start date that lies ahead, or the day after the end date.';

create table routes (
  mandate_id uuid not null references mandates,
  branch text not null references branches,
  routing_id text not null,
  primary key (mandate_id, branch),
  check (left(routing_id, 15) = '00000007000' || left(branch, 4) and right(routing_id, 5) <> '00000')
);

create table subscriptions (
  id uuid primary key,
  supplier_oin text not null references systems,
  url text not null,
  services text[] not null,
  types text[] not null,
  processing_results boolean not null,
  reports boolean not null,
  requested_rate integer check (requested_rate > 0),
  allowed_rate integer check (allowed_rate > 0),
  retry_schedule integer[],
  client_certificate bytea,
  status text not null default 'active' check (status in ('active', 'paused', 'disabled', 'deleted')),
  status_reason text,
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index subscriptions_one_per_supplier on subscriptions (supplier_oin) where status <> 'deleted';

create table subscription_secrets (
  id bigint generated always as identity primary key,
  subscription_id uuid not null references subscriptions,
  sealed bytea not null,
  created_at timestamptz not null,
  valid_until timestamptz
);
create index subscription_secrets_subscription on subscription_secrets (subscription_id);

create table signing_keys (
  id text primary key,
  sealed bytea not null,
  public_key text not null,
  created_at timestamptz not null,
  retired_at timestamptz
);

-- --------------------------------------------------------------------------------------------------- the log

create type event_type as enum ('granted', 'amended', 'withdrawn', 'started', 'expired', 'result');

create table events (
  brin text not null,
  number bigint not null check (number > 0),
  recorded_at timestamptz not null,
  id uuid not null,
  mandate_id uuid not null,
  mandate_version integer not null,
  type event_type not null,
  units jsonb not null,
  body text not null,
  traceparent text,
  primary key (brin, number)
);
create unique index events_mandate on events (mandate_id, mandate_version);
create index events_recorded on events using brin (recorded_at) with (pages_per_range = 16);
comment on column events.units is 'What is told: [{"branch", "type", "routing", "covers": [branch]}]; withheld units are not in it.';
comment on column events.body is 'The data of the CloudEvent, as JSON.';

create table todo (
  n bigint generated always as identity primary key,
  brin text not null,
  number bigint not null
);

create table feed (
  position bigint primary key,
  brin text not null,
  number bigint not null,
  published_at timestamptz not null
);

create table marks (
  topic text not null,
  partition integer not null,
  topic_id uuid not null,
  begins bigint not null,
  ends bigint not null check (begins <= ends),
  seen_at timestamptz not null,
  primary key (topic, partition)
) with (fillfactor = 50);
comment on table marks is 'Topics as they were last seen: of osr.mandates.v1 all below `ends` is known here, of DUO''s queues it was there.';

create table read_marks (
  topic text not null,
  partition integer not null,
  next_offset bigint not null,
  primary key (topic, partition)
) with (fillfactor = 50);
comment on table read_marks is 'How far topics that others write were read, in the transaction that took it in: a restored database reads on from there.';

create table plans (
  brin text primary key,
  planned_through bigint not null default 0
) with (fillfactor = 45);

-- ------------------------------------------------------------------------------------------------ the ledger

create table processes (
  id integer generated always as identity primary key,
  role text not null,
  host text not null,
  pid integer not null,
  started_at timestamptz not null default clock_timestamp(),
  beat_at timestamptz not null default clock_timestamp(),
  sending jsonb not null default '[]',
  declared_dead boolean not null default false,
  machine text,
  born bigint
) with (fillfactor = 50);
comment on column processes.sending is 'Requests that were open at the last beat: [[destination, brin, seconds left]]; they are waited for when it dies.';
comment on column processes.machine is 'The boot and the namespace that its pid counts in; null where that cannot be told.';
comment on column processes.born is 'When it began, in ticks since that boot: tells it from a later one with the same pid.';

create table lanes (
  destination smallint not null references destinations,
  brin text not null,
  head bigint not null default 0,
  tail bigint not null default 0,
  sent bigint not null default 0,
  closed bigint not null default 0,
  token bigint not null default 0,
  due timestamptz,
  owner integer,
  held boolean not null default false,
  counts_from timestamptz,
  archived bigint not null default 0,
  low bigint not null default 0,
  low_event bigint not null default 0,
  primary key (destination, brin),
  check (head <= tail and sent <= tail and closed <= head),
  check (owner is null or due is null),
  check (archived <= low and low <= head)
) with (fillfactor = 45);
create index lanes_due on lanes (destination, due) where due is not null;
comment on column lanes.head is 'Settled through.';
comment on column lanes.tail is 'Planned through.';
comment on column lanes.sent is 'The highest number settled without being cancelled: the next message''s previoussequence.';
comment on column lanes.closed is 'No delivery at or below it waits for a report.';
comment on column lanes.counts_from is 'The moment by the schedule of a lane that was made due before it: an attempt that fails earlier costs nothing.';
comment on column lanes.archived is 'How many of its deliveries are not kept any more: none above `low`.';
comment on column lanes.low is 'Up to this number deliveries may be missing.';
comment on column lanes.low_event is 'Deliveries that were planned for events up to this number may be missing.';

create type delivery_status as enum (
  'waiting', 'retrying', 'delivered', 'in_progress', 'processed', 'processed_with_signal', 'activated',
  'rejected', 'declined', 'superseded', 'dead', 'cancelled'
);

create table deliveries (
  destination smallint not null,
  brin text not null,
  sequence bigint not null check (sequence > 0),
  event_number bigint not null,
  id uuid not null,
  branch text not null default '',
  type event_type not null,
  expects_report boolean not null,
  planned_at timestamptz not null,
  published_at timestamptz,
  cause uuid,
  replay_of uuid,
  status delivery_status not null default 'waiting',
  attempts smallint not null default 0,
  delivered_at timestamptz,
  kafka_partition smallint,
  kafka_offset bigint,
  reported_at timestamptz,
  processed_at timestamptz,
  failed_since timestamptz,
  reason text,
  result text,
  refusals smallint,
  refused_since timestamptz,
  primary key (destination, brin, sequence),
  constraint waiting_is_untouched check (status <> 'waiting' or (delivered_at is null and processed_at is null)),
  constraint retrying_has_failed check (status <> 'retrying' or (attempts > 0 and failed_since is not null)),
  constraint taken_has_a_time check (status in ('waiting', 'retrying', 'dead', 'cancelled') = (delivered_at is null)),
  constraint done_was_reported check (
    (status in ('processed', 'processed_with_signal', 'activated', 'rejected', 'declined')) = (processed_at is not null)),
  constraint an_end_says_why check (status not in ('dead', 'cancelled') or reason is not null),
  constraint a_result_says_which check ((type::text = 'result') = (result is not null))
) with (fillfactor = 48);
comment on column deliveries.result is 'What became of another delivery, as JSON: what a system that asked for results is told.';
create index deliveries_id on deliveries (id);
comment on column deliveries.refusals is 'How many of its attempts were refused; null: none.';

create table attempts (
  destination smallint not null,
  brin text not null,
  sequence bigint not null,
  number integer not null,
  at timestamptz not null,
  outcome text not null check (outcome in ('retry', 'refused', 'gone')),
  http_status smallint,
  duration_ms integer not null,
  error text,
  primary key (destination, brin, sequence, number)
);

create table reports (
  n bigint generated always as identity primary key,
  destination smallint not null,
  brin text not null,
  sequence bigint not null,
  status text not null,
  signals jsonb not null,
  reported_at timestamptz not null,
  received_at timestamptz not null,
  applied boolean not null,
  ignored_because text check ((ignored_because is null) = applied)
);
create index reports_delivery on reports (destination, brin, sequence);

create table changes (
  n bigint generated always as identity primary key,
  items jsonb not null
);
comment on table changes is 'Outbox of osr.deliveries.v1: one row per settle flush, [[destination, brin, sequence, before, after, at, reason]].';

create table parked (
  id bigint generated always as identity primary key,
  topic text not null,
  partition integer not null,
  "offset" bigint not null,
  key bytea,
  headers jsonb not null,
  bytes bytea,
  digest bytea not null,
  reason text not null check (reason in ('unparsable', 'schema', 'unknown_school', 'unknown_delivery', 'future')),
  blame text not null check (blame in ('sender', 'hub')),
  detail text not null,
  delivery_id uuid,
  mandate_id uuid,
  mandate_version integer,
  received_at timestamptz not null,
  state text not null default 'open' check (state in ('open', 'retried', 'discarded')),
  unique (topic, partition, "offset", digest)
);
create index parked_open on parked (reason) where state = 'open';

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
  ended_at timestamptz check ((ended_at is not null) = (state in ('done', 'cancelled'))),
  begun bigint not null default 0,
  begun_since timestamptz,
  check ((begun = 0) = (begun_since is null))
) with (fillfactor = 50);
create index bulk_acts_running on bulk_acts (next_at) where state = 'running';
comment on column bulk_acts.asked_by is 'A pseudonym, as in the audit; the person who approves is another one.';
comment on column bulk_acts.begun is 'How many deliveries the same person had begun in the day before, with nobody else''s approval.';

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

create table hub_state (
  one boolean primary key default true check (one),
  ledger_epoch integer not null default 1,
  forgotten bigint not null default 0
);
comment on column hub_state.forgotten is 'How many positions of the published log are not kept any more.';

create table idempotency_keys (
  caller text not null,
  key text not null,
  request_hash bytea not null,
  status integer not null,
  headers jsonb not null,
  body bytea not null,
  created_at timestamptz not null,
  primary key (caller, key)
);

create table people (
  pseudonym uuid primary key,
  subject text unique,
  since timestamptz not null,
  erased_at timestamptz,
  check ((subject is null) = (erased_at is not null))
);
comment on table people is 'The one place that knows who somebody is; elsewhere stands the pseudonym. Erasing empties the subject.';

create table audit (
  n bigint generated always as identity primary key,
  at timestamptz not null,
  actor text not null,
  action text not null,
  brin text,
  subject json not null,
  reason text,
  before json,
  after json,
  chain text not null generated always as (coalesce(brin, '')) stored,
  number bigint not null,
  seal bytea not null
);
create index audit_school on audit (brin, at);
create unique index audit_chain on audit (chain, number);
comment on column audit.actor is 'A pseudonym of `people`, or the hub and its command line under their own names.';
comment on column audit.seal is 'SHA-256 of the seal before it in its chain, and of this note as it is written here.';

create table audit_heads (
  chain text primary key,
  length bigint not null default 0,
  seal bytea not null default '',
  base bigint not null default 0,
  base_seal bytea not null default '',
  check (base <= length)
) with (fillfactor = 45);
comment on column audit_heads.base is 'Notes up to this number are not kept any more; `base_seal` is the seal of the last of them.';

create table audit_anchors (
  day date primary key,
  at timestamptz not null,
  chains integer not null,
  previous bytea not null,
  seal bytea not null
);
comment on table audit_anchors is 'Once a day the heads of all chains are sealed onto the anchor before; those that did not move are in that one.';

create table anchored_heads (
  chain text not null,
  day date not null references audit_anchors,
  length bigint not null,
  seal bytea not null,
  primary key (chain, day)
);

-- ---------------------------------------------------------------------------------------------- the counters

create table tallies (
  process integer not null,
  destination smallint not null,
  status delivery_status not null,
  expects_report boolean not null,
  n bigint not null,
  primary key (process, destination, status, expects_report)
) with (fillfactor = 50);
comment on table tallies is 'Each process adds its deltas to rows of its own; the sum over processes is the number of deliveries.';

create table counters (
  process integer not null,
  name text not null,
  destination smallint not null default 0,
  label text not null default '',
  n bigint not null,
  primary key (process, name, destination, label)
) with (fillfactor = 50);

create table hops (
  process integer not null,
  minute timestamptz not null,
  destination smallint not null,
  hop text not null check (hop in ('publish', 'plan', 'transport', 'processing')),
  buckets bigint[] not null,
  seconds double precision not null,
  n bigint not null,
  primary key (process, minute, destination, hop)
) with (fillfactor = 50);
comment on table hops is 'Histogram of the time each hop took, per minute; old minutes are folded into minute -infinity.';

-- ------------------------------------------------------------------------------------ what is there from the start

insert into hub_state default values;
insert into destinations (name, kind, topic) values
  ('duo:bron-po', 'duo', 'duo.bron-po.v1'), ('duo:verzuim', 'duo', 'duo.verzuim.v1'), ('duo:rio', 'duo', 'duo.rio.v1');
insert into services (code, shown_as, destination)
  select v.code, v.shown_as, d.id
    from (values ('BRON_PO', 'BRON po (ROD po)', 'duo:bron-po'), ('VERZUIM', 'Verzuim', 'duo:verzuim'),
                 ('RIO', 'RIO', 'duo:rio'), ('VVA', 'VVA', null)) v (code, shown_as, destination)
    left join destinations d on d.name = v.destination;
