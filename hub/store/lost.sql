-- Messages that DUO's broker accepted and lost. Read only when the offsets of a topic show a loss.

-- name: read_queues
-- Return DUO's queues.
select id, name, topic from destinations where topic is not null order by id;

-- name: find_unreported
-- Find messages of a queue that were delivered at or above these offsets and have no report. Other messages of the
-- same lane that may still speak of the same units are returned too.
select d.brin, d.sequence, d.id, d.branch, e.mandate_id, d.status::text as status, d.kafka_partition, d.kafka_offset
  from (select distinct d.brin
          from lanes l
         cross join lateral (
            select d.brin, d.kafka_partition, d.kafka_offset from deliveries d
             where d.destination = l.destination and d.brin = l.brin and d.sequence > l.closed and d.sequence <= l.head
               and d.status = 'delivered' and d.delivered_at > :since offset 0) d
          join unnest(:partitions::integer[], :floors::bigint[]) p (partition, floor)
            on p.partition = d.kafka_partition and d.kafka_offset >= p.floor
         where l.destination = :destination and l.closed < l.head) k
  join lanes l on l.destination = :destination and l.brin = k.brin
 cross join lateral (
    select d.* from deliveries d
     where d.destination = l.destination and d.brin = l.brin and d.sequence > l.closed offset 0) d
 cross join lateral (select e.mandate_id from events e where e.brin = d.brin and e.number = d.event_number offset 0) e
 where d.status not in ('dead', 'cancelled', 'superseded')
 order by d.brin, d.sequence;
