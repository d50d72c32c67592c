-- Sessions of people who logged in on the pages. The cookie holds a secret; a row is found by the digest of it.

-- name: insert_session!
-- Start a session.
insert into sessions (id, subject, issuer, issuer_session, caller, shown_name, shown_as, id_token,
                      started_at, seen_at, ends_at)
values (:id, :subject, :issuer, :issuer_session, :caller, :shown_name, :shown_as, :id_token, :now, :now, :ends_at);

-- name: find_session^
-- Find a session that has not ended and was used since a moment.
select s.id, s.subject, s.issuer, s.caller, s.shown_name, s.shown_as, s.id_token, s.seen_at, s.ends_at
  from sessions s
 where s.id = :id and s.ends_at > :now and s.seen_at > :idle_since;

-- name: touch_session!
-- Write down that a session was used now.
update sessions set seen_at = :now where id = :id and seen_at < :now;

-- name: end_session!
-- End one session.
delete from sessions where id = :id;

-- name: end_sessions_of$
-- End every session of a subject, and return how many there were.
with ended as (delete from sessions where subject = :subject returning 1) select count(*) from ended;

-- name: end_issuer_sessions$
-- End the sessions of a subject or of one login at its issuer, as the issuer asked, and return how many there were.
with ended as (
  delete from sessions s
   where s.issuer = :issuer and (s.subject = :subject or s.issuer_session = :issuer_session) returning 1
) select count(*) from ended;

-- name: delete_ended_sessions!
-- Delete the sessions that ended, or were last used before a moment.
delete from sessions where ends_at <= :now or seen_at <= :idle_since;

-- name: read_scope_names
-- Return the names of boards, and of schools outside those boards, for which somebody acts; of a board without a name its
-- number.
select coalesce(b.name, b.bge_code) as name from boards b where b.bge_code = any(:bges::text[])
union all
select s.name || ' (' || s.brin || ')' from schools s
 where s.brin = any(:brins::text[]) and s.bge_code <> all(:bges::text[])
 order by 1;
