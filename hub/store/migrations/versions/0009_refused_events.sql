alter table event_outbox add column refused_at timestamptz, add column refused_because text,
  add constraint refused_with_reason check ((refused_at is null) = (refused_because is null));
create index event_outbox_refused on event_outbox (brin) where refused_at is not null;
comment on column event_outbox.refused_at is
  'When it could not be published; the later events of its school wait until it is tried again.';
