-- Those who subscribed before keep both kinds of signatures, which they got until now.
alter table subscriptions add column signatures text[] not null default '{v1,v1a}'
  check (signatures <> '{}' and signatures <@ array['v1', 'v1a']);
alter table subscriptions alter column signatures set default '{v1}';
