alter table destinations
  add column pace smallint check (pace > 0),
  add column slowed_at timestamptz,
  add column slow_error text,
  add column paused_until timestamptz;
comment on column destinations.pace is 'How many lanes a forwarder may have in hand there at once, since it asked for patience; null: as many as usual.';
comment on column destinations.paused_until is 'It answered 429 and named this moment; nothing goes there before.';
alter table lanes add column counts_from timestamptz;
comment on column lanes.counts_from is 'The moment by the schedule of a lane that was made due before it: an attempt that fails earlier costs nothing.';
alter table deliveries add column refusals smallint, add column refused_since timestamptz;
comment on column deliveries.refusals is 'How many of its attempts were refused; null: none.';
