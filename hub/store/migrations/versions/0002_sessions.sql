create table sessions (
  id bytea primary key check (octet_length(id) = 32),
  subject text not null,
  issuer text not null,
  issuer_session text,
  caller jsonb not null,
  shown_name text not null,
  shown_as text not null,
  id_token bytea,
  started_at timestamptz not null,
  seen_at timestamptz not null,
  ends_at timestamptz not null
) with (fillfactor = 70);
create index sessions_subject on sessions (subject);
create index sessions_issuer on sessions (issuer, issuer_session);
comment on column sessions.id is 'The digest of the secret that the browser keeps.';
comment on column sessions.id_token is 'Sealed; only for the logout at the issuer, which does without when the sealing key is gone.';
