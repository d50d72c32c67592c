-- How far topics reach, as the database knows it.

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
