-- Which sectors' newest files list a school or a branch. What an older hub holds was brought by files of its sector, so
-- that the next file may close it.
alter table schools add column listed_in text[] not null default '{}' check (listed_in <@ array['po', 'vo']);
alter table branches add column listed_in text[] not null default '{}' check (listed_in <@ array['po', 'vo']);
comment on column schools.closed_on is 'The first day without it.';
comment on column schools.listed_in is 'The sectors whose newest file lists it: when the last of them leaves it out, it closes. Empty: no file brought it.';
update schools set listed_in = array[sector] where closed_on is null;
update branches b set listed_in = array[s.sector] from schools s where s.brin = b.brin and b.closed_on is null;
