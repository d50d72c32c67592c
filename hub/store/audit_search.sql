-- What operators look for in the audit: parts of it, and where a day begins in it.

-- name: list_audit_part
-- List the entries that fit among the next `chunk` ones before a number, of a school or of all, newest first.
select a.id, a.at, a.actor, p.subject as actor_name, p.name as shown_name, a.action, a.brin, a.subject::text as subject,
       a.before::text as before, a.after::text as after, a.reason, a.number, a.seal
  from (select e.* from audit e
         where (:before::bigint is null or e.id < :before::bigint) and (:brin::text is null or e.brin = :brin::text)
         order by e.id desc limit :chunk) a
  left join people p on p.pseudonym = case when a.actor ~ '^[0-9a-f-]{36}$' then a.actor::uuid end
 where (:since::timestamptz is null or a.at >= :since::timestamptz)
   and (:until::timestamptz is null or a.at <= :until::timestamptz)
   and (:actions::text[] is null or a.action = any(:actions::text[]))
   and (:file::text is null or a.subject ->> 'sha256' = :file::text)
   and (not :is_folded::bool or a.action = 'file.imported' or a.subject ->> 'sha256' is null)
 order by a.id desc limit :most;

-- name: find_audit_before^
-- Return the number of the entry `chunk` places before a number, and its time; nothing when there are fewer.
select e.id, e.at from audit e
 where (:before::bigint is null or e.id < :before::bigint) and (:brin::text is null or e.brin = :brin::text)
 order by e.id desc offset :chunk - 1 limit 1;

-- name: find_audit_at$
-- Return the number up to which entries are older than a moment: by halves, as numbers grow with time.
with recursive span (low, high) as (
  select (select min(a.id) from audit a), (select max(a.id) + 1 from audit a)
  union all
  select case when f.at < :moment then f.id + 1 else s.low end, case when f.at < :moment then s.high else m.mid end
    from span s
   cross join lateral (select (s.low + s.high) / 2 as mid) m
   cross join lateral (select a.id, a.at from audit a where a.id >= m.mid order by a.id limit 1) f
   where s.low < s.high)
select max(low) from span;
