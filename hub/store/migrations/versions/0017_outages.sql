create table destination_outages (
  id bigint generated always as identity primary key,
  destination smallint not null references destinations,
  kind text not null check (kind in ('circuit', 'hold')),
  cause text,
  began_at timestamptz not null,
  ended_at timestamptz,
  check (ended_at is null or ended_at >= began_at)
);
create unique index destination_outages_open on destination_outages (destination, kind) where ended_at is null;
create index destination_outages_began on destination_outages (destination, began_at);
comment on column destination_outages.ended_at is 'Null while it lasts.';

create function note_outage() returns trigger language plpgsql as $$
begin
  if old.circuit = 'closed' and new.circuit <> 'closed' then
    insert into destination_outages (destination, kind, cause, began_at)
    values (new.id, 'circuit', new.circuit_cause, clock_timestamp()) on conflict do nothing;
  elsif old.circuit <> 'closed' and new.circuit = 'closed' then
    update destination_outages set ended_at = greatest(clock_timestamp(), began_at)
     where destination = new.id and kind = 'circuit' and ended_at is null;
  end if;
  if new.held and not old.held then
    insert into destination_outages (destination, kind, began_at)
    values (new.id, 'hold', clock_timestamp()) on conflict do nothing;
  elsif old.held and not new.held then
    update destination_outages set ended_at = greatest(clock_timestamp(), began_at)
     where destination = new.id and kind = 'hold' and ended_at is null;
  end if;
  return null;
end
$$;
comment on function note_outage() is 'When the circuit of a destination opened and closed, and when it was held.';
create trigger destinations_outage after update of circuit, held on destinations
  for each row when (old.circuit is distinct from new.circuit or old.held is distinct from new.held)
  execute function note_outage();

insert into destination_outages (destination, kind, cause, began_at)
select id, 'circuit', circuit_cause, coalesce(circuit_since, now()) from destinations where circuit <> 'closed'
union all
select id, 'hold', null, coalesce(held_from, now()) from destinations where held;
