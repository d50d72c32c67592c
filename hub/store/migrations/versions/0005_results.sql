alter type event_type add value 'result';
alter table deliveries
  add column result text,
  add constraint a_result_says_which check ((type::text = 'result') = (result is not null));
comment on column deliveries.result is 'What became of another delivery, as JSON: what a system that asked for results is told.';
