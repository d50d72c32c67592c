alter table bulk_acts
  add column begun bigint not null default 0,
  add column begun_since timestamptz,
  add check ((begun = 0) = (begun_since is null));
comment on column bulk_acts.begun is 'How many deliveries the same person had begun in the day before, with nobody else''s approval.';
