-- Forms of pages: what a visitor filled in and the hub did not accept yet, and where an accepted form led. They end with
-- their session.

-- name: claim_form$
-- Claim the token of a form; nothing when it was accepted before. Waits for a transaction that claims it now.
insert into page_forms (session, token, at) values (:session, :token, :now)
on conflict do nothing
returning token;

-- name: finish_form!
-- Write down where an accepted form led.
update page_forms set location = :location where session = :session and token = :token;

-- name: read_location$
-- Return where an accepted form led.
select location from page_forms where session = :session and token = :token and location is not null;

-- name: keep_form!
-- Keep what was filled in.
insert into page_forms (session, token, fields, at) values (:session, :token, :fields::text::jsonb, :now);

-- name: drop_old_forms!
-- Delete all but the newest forms of a session.
delete from page_forms f
 where f.session = :session
   and f.token in (select o.token from page_forms o where o.session = :session order by o.at desc offset :most);

-- name: read_form$
-- Return what was filled in.
select fields::text from page_forms where session = :session and token = :token and fields is not null;
