create function default_system_code() returns trigger language plpgsql as $$
begin
  new.system_code := new.supplier_oin;
  return new;
end
$$;

alter table mandates drop constraint mandates_supplier_oin_fkey;
alter table subscriptions drop constraint subscriptions_supplier_oin_fkey;
alter table destinations drop constraint destinations_supplier_oin_fkey;
alter table systems drop constraint systems_pkey;

alter table systems
  add column system_code text,
  add column contact_name text,
  add column contact_email text,
  add column contact_phone text,
  add column contact_url text;
update systems set system_code = supplier_oin;
alter table systems
  alter column system_code set not null,
  add primary key (system_code),
  add check (system_code ~ '^[A-Za-z0-9][A-Za-z0-9-]{1,39}$'),
  add unique (system_code, supplier_oin);
create trigger systems_default_code before insert on systems
  for each row when (new.system_code is null) execute function default_system_code();

alter table destinations add column system_code text;
update destinations set system_code = supplier_oin;
alter table destinations
  add constraint destinations_system_code_check check ((kind = 'duo') = (system_code is null)),
  add foreign key (system_code, supplier_oin) references systems (system_code, supplier_oin);
create trigger destinations_default_code before insert on destinations
  for each row when (new.system_code is null) execute function default_system_code();
drop index destinations_supplier;
create index destinations_system on destinations (system_code);

alter table mandates add column system_code text;
update mandates set system_code = supplier_oin;
alter table mandates
  alter column system_code set not null,
  add foreign key (system_code, supplier_oin) references systems (system_code, supplier_oin);
create trigger mandates_default_code before insert on mandates
  for each row when (new.system_code is null) execute function default_system_code();

alter table subscriptions add column system_code text;
update subscriptions set system_code = supplier_oin;
alter table subscriptions
  alter column system_code set not null,
  add foreign key (system_code, supplier_oin) references systems (system_code, supplier_oin);
create trigger subscriptions_default_code before insert on subscriptions
  for each row when (new.system_code is null) execute function default_system_code();
drop index subscriptions_one_per_supplier;
create unique index subscriptions_one_per_system on subscriptions (system_code) where status <> 'deleted';

alter table services add column version integer not null default 1;

comment on column systems.system_code is
  'Part of the names of its two destinations; its supplier''s OIN where none was given.';
comment on function default_system_code() is
  'Rows that a version of the hub without system codes writes are those of a supplier''s only system.';
