alter table people
  add column name text,
  add constraint people_erased_with_name check (erased_at is null or name is null);
comment on column people.name is 'What the person is called, as the last login said.';
