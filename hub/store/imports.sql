-- Files of schools: what is new and what differs, each in one statement.

-- name: lock_import!
-- Let files of schools be taken one after the other.
select pg_advisory_xact_lock(:lock::bigint);

-- name: read_all_schools
-- Every school, with its board and where it is listed.
select brin, name, bge_code, sector, closed_on, listed_in from schools;

-- name: read_all_branches
-- Every branch, with where it is listed.
select branch, name, closed_on, listed_in from branches;

-- name: read_all_boards
-- What every board is called, as far as that is known.
select bge_code, name from boards;

-- name: write_boards!
-- Boards that are new or called otherwise; what they signed stays.
insert into boards (bge_code, name)
select u.bge_code, u.name from unnest(:bge_codes::text[], :names::text[]) u (bge_code, name) order by u.bge_code
on conflict (bge_code) do update set name = excluded.name;

-- name: write_schools!
-- Schools that are new or differ; an existing one keeps its numbers.
insert into schools (brin, name, bge_code, sector, closed_on, listed_in)
select u.brin, u.name, u.bge_code, u.sector, u.closed_on, string_to_array(u.listed_in, ',')
  from unnest(:brins::text[], :names::text[], :bge_codes::text[], :sectors::text[], :closed_on::date[],
              :listed_in::text[]) u (brin, name, bge_code, sector, closed_on, listed_in)
 order by u.brin
on conflict (brin) do update
   set name = excluded.name, bge_code = excluded.bge_code, sector = excluded.sector, closed_on = excluded.closed_on,
       listed_in = excluded.listed_in;

-- name: write_branches!
-- Branches that are new or differ.
insert into branches (branch, brin, name, closed_on, listed_in)
select u.branch, left(u.branch, 4), u.name, u.closed_on, string_to_array(u.listed_in, ',')
  from unnest(:branches::text[], :names::text[], :closed_on::date[], :listed_in::text[])
       u (branch, name, closed_on, listed_in)
 order by u.branch
on conflict (branch) do update
   set name = excluded.name, closed_on = excluded.closed_on, listed_in = excluded.listed_in;

-- name: read_mandated_brins
-- Which of these schools have mandates that live, or whose end was not told yet.
select distinct m.brin from mandates m
 where m.brin = any(:brins::text[]) and m.withdrawn_at is null
   and (m.end_date is null or m.end_date >= :today or m.next_date is not null);

-- name: lock_board^
-- A board and what it signed, held until the transaction ends.
select osr_agreement, vva_agreement from boards where bge_code = :bge_code for update;

-- name: write_agreement!
-- What a board signed, or does not have any more.
update boards set osr_agreement = case when :agreement::text = 'OSR' then :is_signed::boolean else osr_agreement end,
                  vva_agreement = case when :agreement::text = 'VVA' then :is_signed::boolean else vva_agreement end
 where bge_code = :bge_code;
