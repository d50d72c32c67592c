-- The audit becomes a chain per school.

create table people (
  pseudonym uuid primary key,
  subject text unique,
  since timestamptz not null,
  erased_at timestamptz,
  check ((subject is null) = (erased_at is not null))
);
comment on table people is 'The one place that knows who somebody is; elsewhere stands the pseudonym. Erasing empties the subject.';

create table audit_heads (
  chain text primary key,
  length bigint not null default 0,
  seal bytea not null default '',
  base bigint not null default 0,
  base_seal bytea not null default '',
  check (base <= length)
) with (fillfactor = 45);
comment on column audit_heads.base is 'Notes up to this number are not kept any more; `base_seal` is the seal of the last of them.';

create table audit_anchors (
  day date primary key,
  at timestamptz not null,
  chains integer not null,
  previous bytea not null,
  seal bytea not null
);
comment on table audit_anchors is 'Once a day the heads of all chains are sealed onto the anchor before; those that did not move are in that one.';

create table anchored_heads (
  chain text not null,
  day date not null references audit_anchors,
  length bigint not null,
  seal bytea not null,
  primary key (chain, day)
);

-- Nobody adds a note meanwhile.
lock table audit in exclusive mode;
alter table audit
  alter column subject type json using subject::text::json,
  add column before json,
  add column after json,
  add column chain text not null generated always as (coalesce(brin, '')) stored,
  add column number bigint,
  add column seal bytea;

insert into people (pseudonym, subject, since)
select gen_random_uuid(), a.actor, min(a.at) from audit a where a.actor <> 'osr-hub command line' group by a.actor;
update audit a set actor = p.pseudonym::text from people p where p.subject = a.actor;

-- Answers are found by a digest of who asked.
update idempotency_keys set caller = encode(sha256(convert_to(caller, 'UTF8')), 'hex');

do $$
declare
  note record;
  last bytea;
  nth bigint;
  of text;
begin
  for note in select * from audit order by chain, n loop
    if of is distinct from note.chain then
      last := '';
      nth := 0;
      of := note.chain;
    end if;
    nth := nth + 1;
    select sha256(last || convert_to(string_agg(coalesce(octet_length(convert_to(p.part, 'UTF8')) || ':' || p.part, '-'), '' order by p.o), 'UTF8'))
      into last
      from unnest(array[note.chain, nth::text, (extract(epoch from note.at) * 1000000)::bigint::text, note.actor, note.action,
                        note.subject::text, note.before::text, note.after::text, note.reason])
           with ordinality p (part, o);
    update audit set number = nth, seal = last where n = note.n;
    insert into audit_heads (chain, length, seal) values (note.chain, nth, last)
    on conflict (chain) do update set length = excluded.length, seal = excluded.seal;
  end loop;
end $$;

alter table audit alter column number set not null, alter column seal set not null;
create unique index audit_chain on audit (chain, number);
comment on column audit.actor is 'A pseudonym of `people`, or the hub and its command line under their own names.';
comment on column audit.seal is 'SHA-256 of the seal before it in its chain, and of this note as it is written here.';
