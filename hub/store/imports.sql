-- Imports of school files: each statement reads or writes all rows of a table at once.

-- name: lock_import!
-- Let imports of school files run one after the other.
select pg_advisory_xact_lock(:lock::bigint);

-- name: read_all_schools
-- Return every school, with its board and the sectors that list it.
select brin, name, bge_code, sector, closed_on, listed_in from schools;

-- name: read_all_branches
-- Return every branch, with the sectors that list it.
select branch, name, closed_on, listed_in from branches;

-- name: read_all_boards
-- Return the names of all boards, as far as known.
select bge_code, name from boards;

-- name: write_boards!
-- Insert new boards and rename others; their agreements stay.
insert into boards (bge_code, name)
select u.bge_code, u.name from unnest(:bge_codes::text[], :names::text[]) u (bge_code, name) order by u.bge_code
on conflict (bge_code) do update set name = excluded.name;

-- name: write_schools!
-- Insert or update schools; the numbers of an existing school stay.
insert into schools (brin, name, bge_code, sector, closed_on, listed_in)
select u.brin, u.name, u.bge_code, u.sector, u.closed_on, string_to_array(u.listed_in, ',')
  from unnest(:brins::text[], :names::text[], :bge_codes::text[], :sectors::text[], :closed_on::date[],
              :listed_in::text[]) u (brin, name, bge_code, sector, closed_on, listed_in)
 order by u.brin
on conflict (brin) do update
   set name = excluded.name, bge_code = excluded.bge_code, sector = excluded.sector, closed_on = excluded.closed_on,
       listed_in = excluded.listed_in;

-- name: write_branches!
-- Insert or update branches.
insert into branches (branch, brin, name, closed_on, listed_in)
select u.branch, left(u.branch, 4), u.name, u.closed_on, string_to_array(u.listed_in, ',')
  from unnest(:branches::text[], :names::text[], :closed_on::date[], :listed_in::text[])
       u (branch, name, closed_on, listed_in)
 order by u.branch
on conflict (branch) do update
   set name = excluded.name, closed_on = excluded.closed_on, listed_in = excluded.listed_in;

-- name: read_mandated_brins
-- Return which of these schools have mandates that are in force, or whose end is not announced yet.
select distinct m.brin from mandates m
 where m.brin = any(:brins::text[]) and m.withdrawn_at is null
   and (m.end_date is null or m.end_date >= :today or m.next_date is not null);

-- name: lock_board^
-- Lock a board and return its agreements.
select osr_agreement, vva_agreement from boards where bge_code = :bge_code for update;

-- name: write_agreement!
-- Write whether a board has signed an agreement.
update boards set osr_agreement = case when :agreement::text = 'OSR' then :is_signed::boolean else osr_agreement end,
                  vva_agreement = case when :agreement::text = 'VVA' then :is_signed::boolean else vva_agreement end
 where bge_code = :bge_code;
