-- Forms on pages that are kept until they are accepted, and act once.

create table page_forms (
  session bytea not null references sessions on delete cascade,
  token text not null,
  fields jsonb,
  location text,
  at timestamptz not null,
  primary key (session, token)
);
comment on table page_forms is 'Forms of a session: those that were not accepted yet, and the last that were.';
comment on column page_forms.token is 'Of a kept form: part of an address. Of an accepted one: what the form carried, so that it acts once.';
comment on column page_forms.fields is 'What was filled in; null for an accepted form.';
comment on column page_forms.location is 'Where an accepted form led.';
