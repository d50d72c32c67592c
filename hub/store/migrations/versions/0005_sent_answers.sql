alter table deliveries add column http_status smallint, add column sent_ms integer;
comment on column deliveries.sent_ms is 'How long the attempt took that the receiver accepted.';
