alter table attempts add column answer text;
comment on column attempts.answer is
  'The beginning of what the receiver wrote; numbers that could be a person''s are starred out.';
