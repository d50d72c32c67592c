alter table processes add column loops jsonb not null default '[]';
comment on column processes.loops is
  'Its loops at the last heartbeat: [[name, moved, turned, worked, error]], ages in seconds.';

alter table hops
  add column marks smallint[] not null default '{}',
  add column mark_counts bigint[] not null default '{}';
comment on column hops.marks is
  'Fine buckets of the same durations that are not empty, for percentiles; rows of old minutes have none.';

create table unread_topics (
  consumer_group text not null,
  topic text not null,
  records bigint not null,
  oldest_at timestamptz,
  seen_at timestamptz not null,
  primary key (consumer_group, topic)
) with (fillfactor = 50);
