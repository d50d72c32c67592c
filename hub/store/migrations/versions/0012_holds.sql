create table holds (
  destination smallint not null,
  brin text not null default '',
  actor text,
  reason text,
  since timestamptz not null,
  primary key (destination, brin)
);
comment on column holds.brin is 'The school that is held by itself; empty: the whole destination.';
comment on column holds.actor is 'A pseudonym, as in the audit; null: held by a version of the hub that did not write it.';

insert into holds (destination, since)
select d.id, coalesce(d.held_from, clock_timestamp()) from destinations d where d.held;
insert into holds (destination, brin, since)
select x.destination, x.brin, clock_timestamp()
  from lanes x join destinations d on d.id = x.destination
 where x.held and not d.held;
