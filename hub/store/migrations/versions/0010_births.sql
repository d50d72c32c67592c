alter table processes add column machine text, add column born bigint;
comment on column processes.machine is 'The boot and the namespace that its pid counts in; null where that cannot be told.';
comment on column processes.born is 'When it began, in ticks since that boot: tells it from a later one with the same pid.';
