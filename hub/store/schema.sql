-- The database of the hub. All state that must not be lost is a row here, written in the transaction that causes it.
-- In reading order: the register (who may exchange what), the event log (what changed), the ledger (what was sent to
-- whom, and how that ended), the counters (what the metrics show). The tables are designed for ten million deliveries.
-- A fill factor below one half leaves room on each page for a batch that updates every row of it: all new row versions
-- stay on the page (HOT updates) and no index is touched. Large tables are vacuumed and analysed after a small share of
-- changes, outboxes after a number of rows, however many there are.

-- Searches by a part of a name; an owner of the database may create it.
create extension if not exists pg_trgm;

-- ---------------------------------------------------------------------------------------------- the register

-- Boards (besturen) and the agreements that they signed.
create table boards (
  bge_code text primary key check (bge_code ~ '^[0-9]{5}$'),
  name text,
  osr_agreement boolean not null default true,
  vva_agreement boolean not null default true
);

-- Schools by their BRIN code. Registering an event locks the row and raises `counter`.
create table schools (
  brin text primary key check (brin ~ '^[0-9]{2}[A-Z]{2}$'),
  name text not null,
  bge_code text not null references boards,
  sector text not null check (sector in ('po', 'vo')),
  closed_on date,
  listed_in text[] not null default '{}' check (listed_in <@ array['bo', 'sbo', 'so', 'vso', 'vo']),
  counter bigint not null default 0 check (counter >= 0),
  archived_events bigint not null default 0
) with (fillfactor = 45);
create index schools_board on schools (bge_code);
create index schools_name on schools using gin (lower(name) gin_trgm_ops) with (gin_pending_list_limit = 512);
comment on column schools.closed_on is 'The first day on which the school no longer exists.';
comment on column schools.listed_in is
  'The kinds of education under which the newest files list it. It closes when the last of them omits it. Empty: no file lists it.';
comment on column schools.counter is 'The number of the newest event; raised while the row is locked.';
comment on column schools.archived_events is 'The number of events that retention deleted.';

-- Branches (vestigingen) of schools.
create table branches (
  branch text primary key check (branch ~ '^[0-9]{2}[A-Z]{2}[0-9]{2}$'),
  brin text not null references schools check (brin = left(branch, 4)),
  name text not null,
  closed_on date,
  listed_in text[] not null default '{}' check (listed_in <@ array['bo', 'sbo', 'so', 'vso', 'vo'])
);
create index branches_school on branches (brin);

-- Systems (LAS) that may be mandated, and whom to call about each.
create table systems (
  supplier_oin text not null check (supplier_oin ~ '^[0-9]{8}[0-9A-Z]{12}$'),
  name text not null,
  service_codes text[] not null,
  system_code text primary key check (system_code ~ '^[A-Za-z0-9][A-Za-z0-9-]{1,39}$'),
  contact_name text,
  contact_email text,
  contact_phone text,
  contact_url text,
  unique (system_code, supplier_oin)
);
comment on column systems.system_code is
  'Part of the names of its two destinations; its supplier''s OIN where none was given.';

-- Rows that a version of the hub without system codes writes are those of a supplier's only system.
create function default_system_code() returns trigger language plpgsql as $$
begin
  new.system_code := new.supplier_oin;
  return new;
end
$$;
comment on function default_system_code() is
  'Rows that a version of the hub without system codes writes are those of a supplier''s only system.';
create trigger systems_default_code before insert on systems
  for each row when (new.system_code is null) execute function default_system_code();

-- Destinations: the queues of DUO, the webhook of each system, and its copies. The circuit breaker and the outward pace
-- of a destination are stored here, so that all forwarders share them.
create table destinations (
  id smallint generated always as identity primary key,
  name text not null unique,
  kind text not null check (kind in ('duo', 'las', 'las-copy')),
  topic text check ((kind = 'duo') = (topic is not null)),
  supplier_oin text check ((kind = 'duo') = (supplier_oin is null)),
  system_code text constraint destinations_system_code_check check ((kind = 'duo') = (system_code is null)),
  held boolean not null default false,
  circuit text not null default 'closed' check (circuit in ('closed', 'open', 'half_open')),
  circuit_since timestamptz,
  circuit_cause text check (circuit_cause in ('unreachable', 'misconfigured')),
  circuit_error text,
  circuit_openings integer not null default 0,
  probe_at timestamptz,
  accepted_at timestamptz,
  unsettled_from uuid,
  pace smallint check (pace > 0),
  slowed_at timestamptz,
  slow_error text,
  paused_until timestamptz,
  held_from timestamptz,
  held_until timestamptz,
  objective_version integer not null default 1,
  objective_transport double precision check (objective_transport > 0),
  objective_processing double precision check (objective_processing > 0),
  objective_share double precision check (objective_share > 0 and objective_share < 1),
  check ((circuit = 'closed') = (circuit_since is null) and (circuit = 'closed') = (circuit_cause is null)),
  foreign key (system_code, supplier_oin) references systems (system_code, supplier_oin)
);
create index destinations_system on destinations (system_code);
create trigger destinations_default_code before insert on destinations
  for each row when (new.system_code is null) execute function default_system_code();
comment on column destinations.held is 'Whether new lanes are held; `lanes.held` decides per school.';
comment on column destinations.probe_at is 'When a forwarder may probe the open circuit again.';
comment on column destinations.accepted_at is
  'When the newest accepted message was sent. A message that is refused while others are accepted is itself at fault.';
comment on column destinations.unsettled_from is
  'Deliveries with a lower id are final; the search for the oldest unprocessed delivery starts at this id.';
comment on column destinations.pace is
  'How many lanes a forwarder may lease at once since the destination asked to slow down; null: as many as usual.';
comment on column destinations.held_from is 'When the last hold of the whole destination began.';
comment on column destinations.held_until is 'When it ended; null while it lasts.';
comment on column destinations.objective_share is 'With the two seconds beside it: an objective of its own; null: the settings.';
comment on column destinations.paused_until is 'The moment that a 429 response named; nothing is sent before it.';

-- When the circuit of a destination was open, and when a whole destination was held.
create table destination_outages (
  id bigint generated always as identity primary key,
  destination smallint not null references destinations,
  kind text not null check (kind in ('circuit', 'hold')),
  cause text,
  began_at timestamptz not null,
  ended_at timestamptz,
  check (ended_at is null or ended_at >= began_at)
);
create unique index destination_outages_open on destination_outages (destination, kind) where ended_at is null;
create index destination_outages_began on destination_outages (destination, began_at);
comment on column destination_outages.ended_at is 'Null while it lasts.';

create function note_outage() returns trigger language plpgsql as $$
begin
  if old.circuit = 'closed' and new.circuit <> 'closed' then
    insert into destination_outages (destination, kind, cause, began_at)
    values (new.id, 'circuit', new.circuit_cause, clock_timestamp()) on conflict do nothing;
  elsif old.circuit <> 'closed' and new.circuit = 'closed' then
    update destination_outages set ended_at = greatest(clock_timestamp(), began_at)
     where destination = new.id and kind = 'circuit' and ended_at is null;
  end if;
  if new.held and not old.held then
    insert into destination_outages (destination, kind, began_at)
    values (new.id, 'hold', clock_timestamp()) on conflict do nothing;
  elsif old.held and not new.held then
    update destination_outages set ended_at = greatest(clock_timestamp(), began_at)
     where destination = new.id and kind = 'hold' and ended_at is null;
  end if;
  return null;
end
$$;
comment on function note_outage() is 'When the circuit of a destination opened and closed, and when it was held.';
create trigger destinations_outage after update of circuit, held on destinations
  for each row when (old.circuit is distinct from new.circuit or old.held is distinct from new.held)
  execute function note_outage();

-- Services (diensten) that a mandate can be for.
create table services (
  code text primary key check (code ~ '^[A-Z][A-Z0-9_-]{0,39}$'),
  shown_as text not null,
  destination smallint references destinations,
  version integer not null default 1
);
comment on column services.destination is
  'The queue of DUO that receives its messages; null: the webhook of the mandated system.';

-- Mandates of schools: who may exchange data for a service, from when until when.
create table mandates (
  id uuid primary key,
  brin text not null references schools,
  service_code text not null references services,
  supplier_oin text not null,
  system_code text not null,
  start_date date not null,
  end_date date check (end_date >= start_date),
  version integer not null default 1,
  units jsonb not null,
  next_date date,
  copied_from uuid,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  withdrawn_at timestamptz,
  check (withdrawn_at is null or next_date is null),
  foreign key (system_code, supplier_oin) references systems (system_code, supplier_oin)
) with (fillfactor = 80);
create trigger mandates_default_code before insert on mandates
  for each row when (new.system_code is null) execute function default_system_code();
create index mandates_school on mandates (brin, service_code);
create index mandates_supplier on mandates (supplier_oin);
create index mandates_calendar on mandates (next_date) where next_date is not null;
comment on column mandates.units is
  'The units as last computed: [{"branch", "routing", "covers": [branch], "told"}]; one with "told" gets its end too.';
comment on column mandates.next_date is
  'The day on which the calendar must raise an event: a future start date, or the day after the end date.';

-- Routing characteristics (routeringskenmerken) per branch of a mandate.
create table routes (
  mandate_id uuid not null references mandates,
  branch text not null references branches,
  routing_id text not null,
  primary key (mandate_id, branch),
  check (left(routing_id, 15) = '00000007000' || left(branch, 4) and right(routing_id, 5) <> '00000')
);

-- What a system asked to receive at its webhook; deleted subscriptions stay as rows.
create table subscriptions (
  id uuid primary key,
  supplier_oin text not null,
  system_code text not null,
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
  updated_at timestamptz not null,
  signatures text[] not null default '{v1}' check (signatures <> '{}' and signatures <@ array['v1', 'v1a']),
  notice_url text,
  foreign key (system_code, supplier_oin) references systems (system_code, supplier_oin)
);
create unique index subscriptions_one_per_system on subscriptions (system_code) where status <> 'deleted';
comment on column subscriptions.notice_url is 'Where notices about the subscription are sent, if anywhere.';
create trigger subscriptions_default_code before insert on subscriptions
  for each row when (new.system_code is null) execute function default_system_code();

-- The secrets that sign webhook requests, encrypted; several are valid while a supplier rotates.
create table subscription_secrets (
  id bigint generated always as identity primary key,
  subscription_id uuid not null references subscriptions,
  sealed bytea not null,
  created_at timestamptz not null,
  valid_until timestamptz
);
create index subscription_secrets_subscription on subscription_secrets (subscription_id);

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

-- The hub's own signing keys; the private key is encrypted.
create table signing_keys (
  id text primary key,
  sealed bytea not null,
  public_key text not null,
  created_at timestamptz not null,
  retired_at timestamptz
);

-- --------------------------------------------------------------------------------------------- the event log

create type event_type as enum ('granted', 'amended', 'withdrawn', 'started', 'expired', 'result');

-- What changed, numbered per school without gaps and never updated.
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
) with (
  autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02
);
create unique index events_mandate on events (mandate_id, mandate_version);
create index events_recorded on events using brin (recorded_at) with (pages_per_range = 16);
comment on column events.units is
  'The message per unit: [{"branch", "type", "routing", "covers": [branch]}]; withheld units are left out.';
comment on column events.body is 'The data of the CloudEvent as JSON text.';

-- Events that are not published yet (transactional outbox of osr.mandates.v1).
create table event_outbox (
  id bigint generated always as identity primary key,
  brin text not null,
  number bigint not null,
  refused_at timestamptz,
  refused_because text,
  constraint refused_with_reason check ((refused_at is null) = (refused_because is null))
) with (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000
);
create index event_outbox_refused on event_outbox (brin) where refused_at is not null;
comment on column event_outbox.refused_at is
  'When it could not be published; the later events of its school wait until it is tried again.';

-- Events that are published, each at a position of its own; only events that retention deleted leave gaps.
create table published_events (
  position bigint primary key,
  brin text not null,
  number bigint not null,
  published_at timestamptz not null
) with (
  autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02
);

-- The offsets of topics as last seen, per partition: they show whether a topic was recreated or lost records.
create table watermarks (
  topic text not null,
  partition integer not null,
  topic_id uuid not null,
  start_offset bigint not null,
  end_offset bigint not null check (start_offset <= end_offset),
  seen_at timestamptz not null,
  primary key (topic, partition)
) with (fillfactor = 50);
comment on column watermarks.end_offset is
  'osr.mandates.v1: every event below it is in this database. Queues of DUO: the broker had records up to here.';

-- The next offset to read of topics that others write, stored in the transaction that applies the records: a restored
-- database reads on from there.
create table read_offsets (
  topic text not null,
  partition integer not null,
  next_offset bigint not null,
  primary key (topic, partition)
) with (fillfactor = 50);

-- How many records of a topic a consumer group has not read, and since when the oldest of them is there.
create table unread_topics (
  consumer_group text not null,
  topic text not null,
  records bigint not null,
  oldest_at timestamptz,
  seen_at timestamptz not null,
  primary key (consumer_group, topic)
) with (fillfactor = 50);

-- How far each school is planned. The planner locks the row.
create table planning_progress (
  brin text primary key,
  planned_through bigint not null default 0
) with (fillfactor = 45);

-- ------------------------------------------------------------------------------------------------ the ledger

-- Running processes, each with a heartbeat per second; a forwarder owns the lanes that it leases.
create table processes (
  id integer generated always as identity primary key,
  role text not null,
  host text not null,
  pid integer not null,
  started_at timestamptz not null default clock_timestamp(),
  heartbeat_at timestamptz not null default clock_timestamp(),
  open_requests jsonb not null default '[]',
  declared_dead boolean not null default false,
  machine text,
  start_ticks bigint,
  loops jsonb not null default '[]',
  version text
) with (fillfactor = 50);
comment on column processes.loops is
  'Its loops at the last heartbeat: [[name, moved, turned, worked, error]], ages in seconds.';
comment on column processes.open_requests is
  'Requests that were open at the last heartbeat: [[destination, brin, seconds left]]. A rescued lane waits that long.';
comment on column processes.declared_dead is
  'Another forwarder rescued its lanes; it leases nothing before its next heartbeat.';
comment on column processes.machine is 'The boot id and the PID namespace in which `pid` counts; null where unknown.';
comment on column processes.start_ticks is
  'Its start in clock ticks since boot: tells it from a later process with the same pid.';
comment on column processes.version is 'The version of the hub that it runs; null for one that does not tell it.';

-- Lanes: one per destination and school. The owner of a lane alone sends its deliveries, in order of sequence.
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
  archived_through bigint not null default 0,
  archived_through_event bigint not null default 0,
  primary key (destination, brin),
  check (head <= tail and sent <= tail and closed <= head),
  check (owner is null or due is null),
  check (archived <= archived_through and archived_through <= head)
) with (
  fillfactor = 45, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05
);
create index lanes_due on lanes (destination, due) where due is not null;
create index lanes_held on lanes (destination, brin) where held;
comment on column lanes.head is 'Every delivery up to this sequence has left the lane: delivered, dead or cancelled.';
comment on column lanes.tail is 'The sequence of the newest planned delivery.';
comment on column lanes.sent is
  'The highest sequence up to `head` that was not cancelled: the `previoussequence` of the next message.';
comment on column lanes.closed is 'No delivery up to this sequence waits for a report.';
comment on column lanes.token is
  'Fencing token: each lease raises it, and an update with an older token changes nothing.';
comment on column lanes.due is 'When a forwarder may lease the lane; null: it is leased, held or has nothing to send.';
comment on column lanes.owner is 'The forwarder (`processes.id`) that holds the lease.';
comment on column lanes.counts_from is
  'Set when a lane is made due before its retry schedule says so: a failure before this moment costs no attempt.';
comment on column lanes.archived is
  'The number of deliveries that retention deleted; all of them are at or below `archived_through`.';
comment on column lanes.archived_through is 'Deliveries up to this sequence may be missing.';
comment on column lanes.archived_through_event is 'Deliveries planned for events up to this number may be missing.';

-- Who holds a destination, or one of its schools, why, and since when. `lanes.held` decides what is sent.
create table holds (
  destination smallint not null,
  brin text not null default '',
  actor text,
  reason text,
  since timestamptz not null,
  primary key (destination, brin)
);
comment on column holds.brin is 'The school that is held by itself; empty: the whole destination.';
comment on column holds.actor is 'A pseudonym, as in the audit; null: held by a version of the hub that did not write it.';

create type delivery_status as enum (
  'waiting', 'retrying', 'delivered', 'in_progress', 'processed', 'processed_with_signal', 'activated',
  'rejected', 'declined', 'superseded', 'dead', 'cancelled'
);

-- Deliveries: one message to one destination, numbered per lane. The CHECK constraints say which columns a status
-- needs.
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
  http_status smallint,
  sent_ms integer,
  primary key (destination, brin, sequence),
  constraint waiting_is_untouched check (status <> 'waiting' or (delivered_at is null and processed_at is null)),
  constraint retrying_has_failed check (status <> 'retrying' or (attempts > 0 and failed_since is not null)),
  constraint delivered_has_a_time check (
    status in ('waiting', 'retrying', 'dead', 'cancelled') = (delivered_at is null)),
  constraint processed_was_reported check (
    status in ('processed', 'processed_with_signal', 'activated', 'rejected', 'declined') = (processed_at is not null)),
  constraint ended_has_a_reason check (status not in ('dead', 'cancelled') or reason is not null),
  constraint result_has_its_data check ((type::text = 'result') = (result is not null))
) with (
  fillfactor = 48, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,
  autovacuum_analyze_scale_factor = 0.02
);
create index deliveries_id on deliveries (id);
create index deliveries_planned on deliveries using brin (planned_at) with (pages_per_range = 32, autosummarize = on);
comment on column deliveries.cause is 'What planned it, if not an event.';
comment on column deliveries.replay_of is 'The delivery that it repeats with the current state.';
comment on column deliveries.failed_since is 'When its first attempt failed.';
comment on column deliveries.result is
  'The processing result of another delivery as JSON text, for a system that asked for results.';
comment on column deliveries.sent_ms is 'How long the attempt took that the receiver accepted.';
comment on column deliveries.refusals is 'How many attempts the receiver refused; null: none.';

-- Failed attempts to send a delivery.
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
  answer text,
  primary key (destination, brin, sequence, number)
);
comment on column attempts.answer is
  'The beginning of what the receiver wrote; numbers that could be a person''s are starred out.';

-- Reports of receivers that carry signals, correct an earlier report, or changed nothing. A first report without
-- signals is stored in the columns of its delivery only.
create table reports (
  id bigint generated always as identity primary key,
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

-- Status changes that are not published yet (transactional outbox of osr.deliveries.v1), one row per transaction:
-- [[destination, brin, sequence, before, after, at, reason]].
create table change_outbox (
  id bigint generated always as identity primary key,
  items jsonb not null
) with (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000
);
-- Records of topics that could not be used, with their bytes, until an operator retries or discards them.
create table parked_records (
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
  written_at timestamptz,
  unique (topic, partition, "offset", digest)
);
comment on column parked_records.written_at is 'When the record was written to its topic, by the clock of who wrote it.';
create index parked_records_open on parked_records (reason) where state = 'open';

-- Bulk jobs: replays and cancellations of many deliveries, with their approval and progress.
create table bulk_jobs (
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
  recent bigint not null default 0,
  recent_since timestamptz,
  check ((recent = 0) = (recent_since is null))
) with (fillfactor = 50);
create index bulk_jobs_running on bulk_jobs (next_at) where state = 'running';
comment on column bulk_jobs.chosen is 'The filters as shown.';
comment on column bulk_jobs.asked_by is 'A pseudonym, as in the audit; another person approves.';
comment on column bulk_jobs.matched is 'How many deliveries fit the filters; `superseded` of them have a newer one.';
comment on column bulk_jobs.ends is 'How many of the items send the end of a unit.';
comment on column bulk_jobs.next_at is 'When the next portion is processed.';
comment on column bulk_jobs.recent is
  'How many deliveries the same person processed in the day before without the approval of another.';

-- Items of bulk jobs that are not processed yet; the transaction that processes an item deletes its row.
create table bulk_items (
  job_id uuid not null references bulk_jobs,
  position integer not null,
  destination smallint not null,
  brin text not null,
  mandate_id uuid not null,
  branch text not null,
  sequence bigint not null,
  primary key (job_id, position)
) with (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000
);

-- What one person did one by one in the last day, without another's approval.
create table single_acts (
  person text not null,
  kind text not null,
  at timestamptz not null
);
create index single_acts_person on single_acts (person, kind, at);

-- The state of the hub as a whole: exactly one row.
create table hub_state (
  singleton boolean primary key default true check (singleton),
  ledger_epoch integer not null default 1,
  archived_positions bigint not null default 0
);
comment on column hub_state.ledger_epoch is 'One more than the number of restores from a backup; receivers see it.';
comment on column hub_state.archived_positions is 'The number of rows of `published_events` that retention deleted.';

-- Requests with an Idempotency-Key: claimed while one process works on them, then answered, for repeats of the same
-- request. `caller` is a subject with what it may do; `subject` finds the rows of a person.
create table idempotency_keys (
  caller text not null,
  key text not null,
  request_hash bytea not null,
  status integer,
  headers jsonb,
  body bytea,
  created_at timestamptz not null,
  subject text,
  token uuid,
  claimed_until timestamptz,
  primary key (caller, key),
  constraint idempotency_keys_claimed_or_answered check (
    (status is null) = (headers is null) and (status is null) = (claimed_until is not null)
    and (claimed_until is null) = (token is null) and (body is null or status is not null))
);
create index idempotency_keys_subject on idempotency_keys (subject);

-- The only table that links a pseudonym to the subject of a token; erasing a person empties `subject` and `name`.
create table people (
  pseudonym uuid primary key,
  subject text unique,
  since timestamptz not null,
  erased_at timestamptz,
  name text,
  check ((subject is null) = (erased_at is not null)),
  constraint people_erased_with_name check (erased_at is null or name is null)
);
comment on column people.name is 'What the person is called, as the last login said.';
-- The audit: who did what to which school. A hash chain per school makes later changes visible.
create table audit (
  id bigint generated always as identity primary key,
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
comment on column audit.actor is 'A pseudonym of `people`, or the name of a system actor.';
comment on column audit.seal is 'SHA-256 of the previous seal in the chain and of this entry as stored.';

-- The newest entry of each chain.
create table audit_heads (
  chain text primary key,
  length bigint not null default 0,
  seal bytea not null default '',
  base bigint not null default 0,
  base_seal bytea not null default '',
  check (base <= length)
) with (fillfactor = 45);
comment on column audit_heads.base is
  'Retention deleted the entries up to this number; `base_seal` is the seal of the last of them.';

-- A seal per day over the previous anchor and the heads of all chains that moved.
create table audit_anchors (
  day date primary key,
  at timestamptz not null,
  chains integer not null,
  previous bytea not null,
  seal bytea not null
);
-- The heads that an anchor covers.
create table anchored_heads (
  chain text not null,
  day date not null references audit_anchors,
  length bigint not null,
  seal bytea not null,
  primary key (chain, day)
);

-- ---------------------------------------------------------------------------------------------- the counters

-- Deliveries per status. Each process adds its changes to rows of its own; the sum over processes is the number.
create table tallies (
  process integer not null,
  destination smallint not null,
  status delivery_status not null,
  expects_report boolean not null,
  n bigint not null,
  primary key (process, destination, status, expects_report)
) with (fillfactor = 50);

-- Counters of the metrics, with rows per process like `tallies`.
create table counters (
  process integer not null,
  name text not null,
  destination smallint not null default 0,
  label text not null default '',
  n bigint not null,
  primary key (process, name, destination, label)
) with (fillfactor = 50);

-- How many measurements met the objective of their destination, per process and hour; hours that are over are merged
-- into process 0.
create table objective_counts (
  process integer not null,
  hour timestamptz not null,
  destination smallint not null,
  met bigint not null,
  missed bigint not null,
  primary key (process, hour, destination)
) with (fillfactor = 50);

-- Histograms of the time that each hop took, per process and minute; old minutes are merged into minute -infinity.
create table hops (
  process integer not null,
  minute timestamptz not null,
  destination smallint not null,
  hop text not null check (hop in ('publish', 'plan', 'transport', 'processing')),
  buckets bigint[] not null,
  seconds double precision not null,
  n bigint not null,
  marks smallint[] not null default '{}',
  mark_counts bigint[] not null default '{}',
  primary key (process, minute, destination, hop)
) with (fillfactor = 50);
comment on column hops.marks is
  'Fine buckets of the same durations that are not empty, for percentiles; rows of old minutes have none.';

-- Histograms of the last day per five minutes, over all destinations of a kind; folded from `hops`.
create table hop_history (
  at timestamptz not null,
  kind text not null check (kind in ('duo', 'las')),
  hop text not null check (hop in ('transport', 'processing')),
  buckets bigint[] not null,
  primary key (at, kind, hop)
);
comment on column hop_history.at is 'The beginning of the five minutes.';

-- Sessions of people who logged in on the pages; they end by time or by request.
create table sessions (
  id bytea primary key check (octet_length(id) = 32),
  subject text not null,
  issuer text not null,
  issuer_session text,
  caller jsonb not null,
  shown_name text not null,
  shown_as text not null,
  id_token bytea,
  started_at timestamptz not null,
  seen_at timestamptz not null,
  ends_at timestamptz not null
) with (fillfactor = 70);
create index sessions_subject on sessions (subject);
create index sessions_issuer on sessions (issuer, issuer_session);
comment on column sessions.id is 'The digest of the secret that the browser keeps.';
comment on column sessions.id_token is 'Sealed; only for the logout at the issuer, which does without when the sealing key is gone.';

-- Forms of pages: what a visitor filled in and the hub did not accept yet, and where an accepted form led.
create table page_forms (
  session bytea not null references sessions on delete cascade,
  token text not null,
  fields jsonb,
  location text,
  at timestamptz not null,
  primary key (session, token)
);
comment on table page_forms is 'Forms of a session: those that were not accepted yet, and the last that were.';
comment on column page_forms.token is 'Of a kept form: part of an address. Of an accepted one: what the form carried, so that it acts once.';
comment on column page_forms.fields is 'What was filled in; null for an accepted form.';
comment on column page_forms.location is 'Where an accepted form led.';

-- ------------------------------------------------------------------------------------------------- the decisions

-- What requests refer to is kept in memory by each process, known by a token that is another one after each change.
create table reference_state (
  singleton boolean primary key default true check (singleton),
  token uuid not null default gen_random_uuid()
);
comment on column reference_state.token is 'Another value after each change of `systems` or `services`.';

create function change_reference_token() returns trigger language plpgsql as $$
begin
  update reference_state set token = gen_random_uuid();
  return null;
end
$$;
comment on function change_reference_token() is
  'Systems or services changed: what processes keep of them in memory is outdated.';
create trigger systems_change_token after insert or update or delete or truncate on systems
  for each statement execute function change_reference_token();
create trigger services_change_token after insert or update or delete or truncate on services
  for each statement execute function change_reference_token();

-- Locks schools, and those of mandates, until the transaction ends, in key order. Returns per school all that a decision
-- on its mandates needs. Each statement of the function sees what is committed when the statement begins: what it reads
-- after the lock is what the last holder of the lock left. With subjects it also returns the pseudonyms of those who
-- decide, in their order, and locks the heads of the audit chains of the schools, which are the last locks of a
-- transaction. With `only_free` a school that another transaction holds, or its chain, is left out, so that nothing waits.
create function lock_register(
  for_brins text[], for_mandates uuid[], for_service text, on_day date, for_subjects text[], at_moment timestamptz,
  most_events integer, only_free boolean
) returns table (
  token uuid, pseudonyms uuid[], brin text, name text, bge_code text, closed_on date, counter bigint,
  osr_agreement boolean, vva_agreement boolean, branches text, mandates text, paced_at timestamptz, length bigint,
  seal bytea
) language plpgsql as $$
#variable_conflict use_column
declare
  codes text[] := for_brins || array(select m.brin from mandates m where m.id = any(for_mandates));
  is_decided boolean := cardinality(for_subjects) > 0;
  who uuid[] := '{}';
begin
  perform set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),
          set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true);
  if only_free then
    codes := array(select s.brin from schools s where s.brin = any(codes) order by s.brin for update skip locked);
  else
    perform from schools s where s.brin = any(codes) order by s.brin for update;
  end if;
  while cardinality(who) < cardinality(for_subjects) loop
    who := array(select p.pseudonym from unnest(for_subjects) with ordinality u (subject, nth)
                  cross join lateral (select x.pseudonym from people x where x.subject = u.subject offset 0) p
                  order by u.nth);
    if cardinality(who) < cardinality(for_subjects) then
      insert into people (pseudonym, subject, since)
      select gen_random_uuid(), u.subject, at_moment from (select distinct unnest(for_subjects)) u (subject)
       where not exists (select from people p where p.subject = u.subject)
       order by u.subject
      on conflict (subject) do nothing;
    end if;
  end loop;
  if is_decided then
    insert into audit_heads (chain)
    select s.brin from schools s
     where s.brin = any(codes) and not exists (select from audit_heads h where h.chain = s.brin)
     order by s.brin collate "C"
    on conflict do nothing;
    if only_free then
      codes := array(select h.chain from audit_heads h where h.chain = any(codes) order by h.chain collate "C"
                        for update skip locked);
    else
      perform from audit_heads h where h.chain = any(codes) order by h.chain collate "C" for update;
    end if;
  end if;
  return query
  select r.token, who, s.brin, s.name, s.bge_code, s.closed_on, s.counter, b.osr_agreement, b.vva_agreement,
         (select json_agg(json_build_array(x.branch, x.name, x.closed_on) order by x.branch)::text
            from branches x where x.brin = s.brin),
         (select json_agg(json_build_object(
                   'id', m.id, 'brin', m.brin, 'service_code', m.service_code, 'supplier_oin', m.supplier_oin,
                   'system_code', m.system_code, 'start_date', m.start_date, 'end_date', m.end_date,
                   'version', m.version, 'next_date', m.next_date, 'copied_from', m.copied_from,
                   'created_at', m.created_at, 'updated_at', m.updated_at, 'withdrawn_at', m.withdrawn_at,
                   'units', m.units, 'routes', (select json_object_agg(o.branch, o.routing_id) from routes o
                                                 where o.mandate_id = m.id))
                 order by m.service_code, m.id)::text
            from mandates m
           where m.brin = s.brin and (for_service is null or m.service_code = for_service)
             and (m.withdrawn_at is null and (m.end_date is null or m.end_date >= on_day or m.next_date is not null)
                  or m.id = any(for_mandates))),
         (select e.recorded_at from events e where e.brin = s.brin and e.number = s.counter - most_events + 1),
         h.length, h.seal
    from schools s
    join boards b on b.bge_code = s.bge_code
    join reference_state r on r.singleton
    left join audit_heads h on h.chain = s.brin and is_decided
   where s.brin = any(codes);
end
$$;
comment on function lock_register(text[], uuid[], text, date, text[], timestamptz, integer, boolean) is
  'Lock schools and return all that decisions on their mandates need; statements after it look up by key.';

create function lock_register(
  for_brins text[], for_mandate uuid, for_service text, on_day date, for_subject text, at_moment timestamptz,
  most_events integer
) returns table (
  token uuid, pseudonym uuid, brin text, name text, bge_code text, closed_on date, counter bigint,
  osr_agreement boolean, vva_agreement boolean, branches text, mandates text, paced_at timestamptz, length bigint,
  seal bytea
) language sql as $$
  select l.token, l.pseudonyms[1], l.brin, l.name, l.bge_code, l.closed_on, l.counter, l.osr_agreement,
         l.vva_agreement, l.branches, l.mandates, l.paced_at, l.length, l.seal
    from lock_register(for_brins, array_remove(array[for_mandate], null), for_service, on_day,
                       array_remove(array[for_subject], null), at_moment, most_events, false) l
$$;
comment on function lock_register(text[], uuid, text, date, text, timestamptz, integer) is
  'What processes of older versions call.';

-- Returns who receives what, as JSON: per destination its number, name, kind and system, the services of a queue, and the
-- services and types that its system subscribed to, and whether it reports.
create function read_directory() returns text language sql volatile as $$
  select json_agg(json_build_object(
           'id', d.id, 'name', d.name, 'kind', d.kind, 'system_code', d.system_code,
           'queue_of', (select json_agg(s.code) from services s where s.destination = d.id),
           'services', u.services, 'types', u.types, 'reports', u.reports) order by d.id)::text
    from destinations d
    left join subscriptions u on u.system_code = d.system_code and u.status <> 'deleted'
$$;
comment on function read_directory() is 'Return who receives what, as JSON.';

-- Makes rows of schools that are planned for the first time, in the order given; codes that are not in the register are
-- left out.
create function begin_planning(for_brins text[]) returns void language sql as $$
  insert into planning_progress (brin)
  select k.brin from unnest(for_brins) with ordinality k (brin, o)
   where exists (select from schools s where s.brin = k.brin)
     and not exists (select from planning_progress p where p.brin = k.brin)
   order by k.o
  on conflict do nothing
$$;
comment on function begin_planning(text[]) is 'Make rows of schools that are planned for the first time.';

-- Locks schools against planning, in the order given (that of their keys), and returns their unplanned events, at most so
-- many of each. Each statement of the function sees what is committed when the statement begins. Its last row has no event
-- but the schools that are not in the register, and, where there is something to plan, the directory, which is read under
-- the shared gate: that keeps destinations from being held or released as a whole until the transaction ends, so that a new
-- lane gets the state of its destination.
create function lock_unplanned(for_brins text[], most_each integer, for_gate bigint) returns table (
  brin text, number bigint, id uuid, units text, service_code text, system_code text, unknown text[], directory text
) language plpgsql as $$
#variable_conflict use_column
declare
  locked record;
  has_events boolean;
begin
  for turn in 1..2 loop
    select coalesce(array_agg(p.brin order by k.o), '{}') as brins, array_agg(p.planned_through order by k.o) as throughs
      into locked
      from unnest(for_brins) with ordinality k (brin, o)
     cross join lateral (
        select x.brin, x.planned_through from planning_progress x where x.brin = k.brin for update) p;
    exit when turn = 2 or cardinality(locked.brins) = cardinality(for_brins);
    perform begin_planning(for_brins);
  end loop;
  return query
  select k.brin, e.number, e.id, e.units::text, e.service_code, e.system_code, null::text[], null::text
    from unnest(locked.brins, locked.throughs) with ordinality k (brin, through, o)
   cross join lateral (
      select n.number, n.id, n.units, m.service_code, m.system_code
        from (select x.number, x.id, x.units, x.mandate_id from events x
               where x.brin = k.brin and x.number > k.through order by x.number limit most_each) n
       cross join lateral (select m.service_code, m.system_code from mandates m where m.id = n.mandate_id offset 0) m
   ) e
   order by k.o, e.number;
  has_events := found;
  if has_events then
    perform pg_advisory_xact_lock_shared(for_gate);
  end if;
  return query
  select null::text, null::bigint, null::uuid, null::text, null::text, null::text,
         case when cardinality(locked.brins) < cardinality(for_brins)
              then array(select b.brin from unnest(for_brins) b (brin) where b.brin <> all(locked.brins)) else '{}' end,
         case when has_events then read_directory() end;
end
$$;
comment on function lock_unplanned(text[], integer, bigint) is
  'Lock schools against planning; return their unplanned events, and who receives what.';

-- Leases due lanes and returns their deliveries, one row each; a lane without any is one row without a delivery. Each
-- statement of the function sees what is committed when the statement begins: a delivery is read after its lane was
-- leased, so nobody can cancel it between the two. The commit does not wait for the disk: a lease that the server loses
-- when it crashes did no harm, because the lane is due again, and only the owner of the token completes it. The moment is
-- a variable, because an index is not searched for what a function returns that may return something else for each row:
-- whatever statistics the lease is planned by, it reads no lane that is not due.
create function take_lanes(
  for_owner integer, for_destinations smallint[], most_lanes integer[], most_each integer, most_together integer
) returns table (
  destination smallint, brin text, head bigint, sent bigint, closed bigint, token bigint, early double precision,
  sequence bigint, id uuid, branch text, kind text, status text, attempts smallint, expects_report boolean,
  failed_since timestamptz, refusals smallint, refused_since timestamptz, replay_of uuid, planned_at timestamptz,
  result text, event_id uuid, mandate_id uuid, recorded_at timestamptz, units text, body text, traceparent text
) language plpgsql as $$
#variable_conflict use_column
declare
  leased record;
  right_now timestamptz := clock_timestamp();
begin
  perform p.id, set_config('synchronous_commit', 'off', true)
     from processes p
    where p.id = for_owner and not p.declared_dead
      and exists (select from unnest(for_destinations) w (destination)
                   cross join lateral (select from lanes x where x.destination = w.destination
                                          and x.due <= right_now and not x.held limit 1) l)
      for share of p;
  if not found then
    return;
  end if;
  with wanted as (
    select l.destination, l.brin
      from unnest(for_destinations, most_lanes) w (destination, permits)
     cross join lateral (
        select x.destination, x.brin from lanes x
         where x.destination = w.destination and x.due <= right_now and not x.held
         order by x.due limit w.permits for update skip locked
     ) l
  ), owned as (
    update lanes x set owner = for_owner, due = null, token = x.token + 1
      from wanted w
     where x.destination = w.destination and x.brin = w.brin
    returning x.destination, x.brin, x.head, x.sent, x.closed, x.token,
              greatest(extract(epoch from x.counts_from - clock_timestamp()), 0)::double precision as early
  )
  select array_agg(o.destination) as destinations, array_agg(o.brin) as brins, array_agg(o.head) as heads,
         array_agg(o.sent) as sents, array_agg(o.closed) as closeds, array_agg(o.token) as tokens,
         array_agg(o.early) as earlies, greatest(1, least(most_each, most_together / greatest(count(*), 1))) as each
    into leased
    from owned o;
  return query
  select k.destination, k.brin, k.head, k.sent, k.closed, k.token, k.early, d.sequence, d.id, d.branch, d.type::text,
         d.status::text, d.attempts, d.expects_report, d.failed_since, d.refusals, d.refused_since, d.replay_of,
         d.planned_at, d.result, e.id, e.mandate_id, e.recorded_at, e.units::text, e.body, e.traceparent
    from unnest(leased.destinations, leased.brins, leased.heads, leased.sents, leased.closeds, leased.tokens,
                leased.earlies) with ordinality k (destination, brin, head, sent, closed, token, early, o)
    left join lateral (
      select d.* from deliveries d
       where d.destination = k.destination and d.brin = k.brin and d.sequence > k.head
       order by d.sequence limit leased.each
    ) d on true
    left join lateral (select e.* from events e where e.brin = k.brin and e.number = d.event_number offset 0) e on true
   order by k.o, d.sequence;
end
$$;
comment on function take_lanes(integer, smallint[], integer[], integer, integer) is
  'Lease due lanes and read their deliveries; statements after the lease see what it left.';

-- Writes where leased lanes stand and gives them back, in the order given, which is that of their keys. Only the owner
-- with the token may, and each lease has its own. A lane with another token is not returned, nor one that was given back
-- by a commit whose answer was lost. A delivery without a report is closed when everything before it is.
create function complete_lanes(
  by_owner integer, destinations smallint[], brins text[], tokens bigint[], heads bigint[], sents bigint[],
  closeds bigint[], waits double precision[], keeps boolean[]
) returns table (destination smallint, brin text, is_due boolean) language plpgsql as $$
#variable_conflict use_column
begin
  return query
  update lanes x
     set head = v.head, sent = v.sent, owner = null,
         closed = case when x.closed = x.head then greatest(x.closed, v.closed) else x.closed end,
         due = case when x.tail > v.head and not x.held
                    then clock_timestamp() + make_interval(secs => coalesce(v.wait, 0)) end,
         counts_from = case when v.keeps then x.counts_from end
    from unnest(destinations, brins, tokens, heads, sents, closeds, waits, keeps)
         v (destination, brin, token, head, sent, closed, wait, keeps)
   where x.destination = v.destination and x.brin = v.brin and x.token = v.token and x.owner = by_owner
  returning x.destination, x.brin, x.due is not null and coalesce(v.wait, 0) = 0;
end
$$;
comment on function complete_lanes(
  integer, smallint[], text[], bigint[], bigint[], bigint[], bigint[], double precision[], boolean[]
) is 'Give leased lanes back; return those that were still leased, and whether more is due at once.';

-- Moves accepted deliveries to their next status; a row that moved already, as a report was faster, is not returned.
create function mark_delivered(
  destinations smallint[], brins text[], sequences bigint[], befores text[], afters text[], ats timestamptz[],
  partitions smallint[], offsets bigint[], http_statuses smallint[], durations integer[]
) returns table (destination smallint, brin text, sequence bigint) language plpgsql as $$
#variable_conflict use_column
begin
  return query
  update deliveries d
     set status = u.status::delivery_status, attempts = d.attempts + 1, delivered_at = u.at, kafka_partition = u.part,
         kafka_offset = u.off, http_status = u.http_status, sent_ms = u.sent_ms
    from unnest(destinations, brins, sequences, befores, afters, ats, partitions, offsets, http_statuses, durations)
         u (destination, brin, sequence, before, status, at, part, off, http_status, sent_ms)
   where d.destination = u.destination and d.brin = u.brin and d.sequence = u.sequence
     and d.status = u.before::delivery_status
  returning d.destination, d.brin, d.sequence;
end
$$;
comment on function mark_delivered(
  smallint[], text[], bigint[], text[], text[], timestamptz[], smallint[], bigint[], smallint[], integer[]
) is 'Move accepted deliveries to their next status; return those that moved.';

-- Adds to the numbers of deliveries per status, and puts status changes, where there are any, into the outbox of the
-- published log: one row per transaction, its last statement.
create function write_moves(
  by_process integer, destinations smallint[], statuses text[], expects boolean[], ns bigint[], changes text
) returns void language plpgsql as $$
begin
  insert into tallies as t (process, destination, status, expects_report, n)
  select by_process, u.destination, u.status::delivery_status, u.expects_report, u.n
    from unnest(destinations, statuses, expects, ns) u (destination, status, expects_report, n)
   order by u.destination, u.status, u.expects_report
  on conflict (process, destination, status, expects_report) do update set n = t.n + excluded.n;
  if changes is not null then
    insert into change_outbox (items) values (changes::jsonb);
  end if;
end
$$;
comment on function write_moves(integer, smallint[], text[], boolean[], bigint[], text) is
  'Count moves of deliveries, and put them into the outbox.';

-- Completes lanes of which every attempt was accepted, and writes all that follows: one statement, one commit. Where a
-- lane has another owner by now, or a delivery moved already, it raises OSR01 and nothing is written.
create function record_accepted(
  by_owner integer, lane_destinations smallint[], lane_brins text[], tokens bigint[], heads bigint[], sents bigint[],
  closeds bigint[], destinations smallint[], brins text[], sequences bigint[], befores text[], afters text[],
  ats timestamptz[], partitions smallint[], offsets bigint[], http_statuses smallint[], durations integer[],
  tally_destinations smallint[], tally_statuses text[], tally_expects boolean[], tally_ns bigint[], changes text
) returns boolean language plpgsql as $$
declare
  completed bigint;
  moved bigint;
  any_due boolean;
begin
  select count(*), coalesce(bool_or(c.is_due), false) into completed, any_due
    from complete_lanes(by_owner, lane_destinations, lane_brins, tokens, heads, sents, closeds, null, null) c;
  select count(*) into moved
    from mark_delivered(destinations, brins, sequences, befores, afters, ats, partitions, offsets, http_statuses,
                        durations);
  if completed <> cardinality(lane_brins) or moved <> cardinality(brins) then
    raise exception 'a lane or a delivery is not as it was read' using errcode = 'OSR01';
  end if;
  perform write_moves(by_owner, tally_destinations, tally_statuses, tally_expects, tally_ns, changes);
  return any_due;
end
$$;
comment on function record_accepted(
  integer, smallint[], text[], bigint[], bigint[], bigint[], bigint[], smallint[], text[], bigint[], text[], text[],
  timestamptz[], smallint[], bigint[], smallint[], integer[], smallint[], text[], boolean[], bigint[], text
) is 'Complete lanes of which every attempt was accepted; return whether one of them is due again.';

-- ---------------------------------------------------------------------------------------------------- initial rows

insert into hub_state default values;
insert into reference_state default values;
insert into destinations (name, kind, topic) values
  ('duo:bron-po', 'duo', 'duo.bron-po.v1'), ('duo:verzuim', 'duo', 'duo.verzuim.v1'), ('duo:rio', 'duo', 'duo.rio.v1');
insert into services (code, shown_as, destination)
  select v.code, v.shown_as, d.id
    from (values ('BRON_PO', 'BRON po (ROD po)', 'duo:bron-po'), ('VERZUIM', 'Verzuim', 'duo:verzuim'),
                 ('RIO', 'RIO', 'duo:rio'), ('VVA', 'VVA', null)) v (code, shown_as, destination)
    left join destinations d on d.name = v.destination;
