-- Acts of one person count together, one by one or in bulk.
create table single_acts (
  person text not null,
  kind text not null,
  at timestamptz not null
);
create index single_acts_person on single_acts (person, kind, at);
