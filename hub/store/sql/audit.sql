-- The audit: who did what, to which school, and why.

-- name: note_audit!
-- Add a note.
insert into audit (at, actor, action, brin, subject, reason)
values (:at, :actor, :action, :brin, :subject::text::jsonb, :reason);
