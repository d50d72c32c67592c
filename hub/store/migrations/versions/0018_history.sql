create table hop_history (
  at timestamptz not null,
  kind text not null check (kind in ('duo', 'las')),
  hop text not null check (hop in ('transport', 'processing')),
  buckets bigint[] not null,
  primary key (at, kind, hop)
);
comment on column hop_history.at is 'The beginning of the five minutes.';

alter table parked_records add column written_at timestamptz;
comment on column parked_records.written_at is 'When the record was written to its topic, by the clock of who wrote it.';
