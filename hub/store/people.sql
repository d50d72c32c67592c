-- The side table that links pseudonyms to the subjects of tokens.

-- name: ensure_person$
-- Return the pseudonym of a subject and create it when it is new; nothing when another transaction creates it at the
-- same moment.
with known as (
  select p.pseudonym from people p where p.subject = :subject
), made as (
  insert into people (pseudonym, subject, since)
  select gen_random_uuid(), :subject, :at where not exists (select from known)
  on conflict (subject) do nothing
  returning pseudonym
)
select pseudonym from known union all select pseudonym from made;

-- name: read_people
-- Return the subjects of these pseudonyms.
select p.pseudonym, p.subject from people p where p.pseudonym = any(:pseudonyms::uuid[]);

-- name: find_person^
-- Find a person by subject or by pseudonym.
select p.pseudonym, p.subject, p.since, p.erased_at
  from people p where p.subject = :name or p.pseudonym::text = :name
 order by p.subject = :name desc nulls last limit 1;

-- name: name_person!
-- Write down the name of a subject, unless it stands there.
update people set name = :name where subject = :subject and name is distinct from :name;

-- name: read_names
-- Return the names of these pseudonyms, where they are known.
select p.pseudonym, p.name from people p where p.pseudonym = any(:pseudonyms::uuid[]) and p.name is not null;

-- name: erase_person$
-- Delete the subject of a pseudonym, and its name.
update people set subject = null, name = null, erased_at = :at where pseudonym = :pseudonym and subject is not null returning pseudonym;
