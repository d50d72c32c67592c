-- What is not kept any more is counted, so that the books stay right.

alter table schools add column forgotten bigint not null default 0;
comment on column schools.forgotten is 'How many of its events are not kept any more.';

alter table lanes
  add column archived bigint not null default 0,
  add column low bigint not null default 0,
  add column low_event bigint not null default 0,
  add check (archived <= low and low <= head);
comment on column lanes.archived is 'How many of its deliveries are not kept any more: none above `low`.';
comment on column lanes.low is 'Up to this number deliveries may be missing.';
comment on column lanes.low_event is 'Deliveries that were planned for events up to this number may be missing.';

alter table hub_state add column forgotten bigint not null default 0;
comment on column hub_state.forgotten is 'How many positions of the published log are not kept any more.';
