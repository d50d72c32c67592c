alter table destinations
  add column held_from timestamptz,
  add column held_until timestamptz,
  add column objective_version integer not null default 1,
  add column objective_transport double precision check (objective_transport > 0),
  add column objective_processing double precision check (objective_processing > 0),
  add column objective_share double precision check (objective_share > 0 and objective_share < 1);
comment on column destinations.held_from is 'When the last hold of the whole destination began.';
comment on column destinations.held_until is 'When it ended; null while it lasts.';
comment on column destinations.objective_share is 'With the two seconds beside it: an objective of its own; null: the settings.';

create table objective_counts (
  process integer not null,
  hour timestamptz not null,
  destination smallint not null,
  met bigint not null,
  missed bigint not null,
  primary key (process, hour, destination)
) with (fillfactor = 50);
