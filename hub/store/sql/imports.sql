-- Files of schools: what is new and what differs, each in one statement.

-- name: read_all_schools
-- Every school, with its board and the sector it is of.
select brin, name, bge_code, sector, closed_on from schools order by brin;

-- name: read_all_branches
-- Every branch.
select branch, brin, name, closed_on from branches order by branch;

-- name: write_boards!
-- Boards that are new.
insert into boards (bge_code)
select u.bge_code from unnest(:bge_codes::text[]) u (bge_code) order by u.bge_code
on conflict (bge_code) do nothing;

-- name: write_schools!
-- Schools that are new or differ; an existing one keeps its numbers and its day of closing.
insert into schools (brin, name, bge_code, sector)
select u.brin, u.name, u.bge_code, u.sector
  from unnest(:brins::text[], :names::text[], :bge_codes::text[], :sectors::text[]) u (brin, name, bge_code, sector)
 order by u.brin
on conflict (brin) do update set name = excluded.name, bge_code = excluded.bge_code, sector = excluded.sector;

-- name: write_branches!
-- Branches that are new or have another name.
insert into branches (branch, brin, name)
select u.branch, left(u.branch, 4), u.name
  from unnest(:branches::text[], :names::text[]) u (branch, name)
 order by u.branch
on conflict (branch) do update set name = excluded.name;

-- name: read_mandated_brins
-- Which of these schools have mandates that live, or whose end was not told yet.
select distinct m.brin from mandates m
 where m.brin = any(:brins::text[]) and m.withdrawn_at is null
   and (m.end_date is null or m.end_date >= :today or m.next_date is not null);

-- name: write_agreements
-- What a board signed; null leaves it as it is.
update boards set osr_agreement = coalesce(:osr::boolean, osr_agreement),
                  vva_agreement = coalesce(:vva::boolean, vva_agreement)
 where bge_code = :bge_code
returning bge_code, osr_agreement, vva_agreement;
