-- Offsets of topics as the database knows them; a restored database has those of its backup.

-- name: read_watermarks
-- Return the offsets of a topic as last seen.
select partition, topic_id, start_offset, end_offset from watermarks where topic = :topic order by partition;

-- name: write_watermarks!
-- Write the offsets of a topic as seen now, and delete partitions that it no longer has.
with gone as (
  delete from watermarks m where m.topic = :topic and m.partition <> all(:partitions::integer[])
)
insert into watermarks as m (topic, partition, topic_id, start_offset, end_offset, seen_at)
select :topic, u.partition, :topic_id, u.start_offset, u.end_offset, :at
  from unnest(:partitions::integer[], :start_offsets::bigint[], :end_offsets::bigint[])
       u (partition, start_offset, end_offset)
 order by u.partition
on conflict (topic, partition) do update
   set topic_id = excluded.topic_id, start_offset = excluded.start_offset, end_offset = excluded.end_offset,
       seen_at = excluded.seen_at;

-- name: lock_read_offsets
-- Lock and return the next offsets to read of these partitions.
select partition, next_offset from read_offsets
 where topic = :topic and partition = any(:partitions::integer[]) order by partition for update;

-- name: raise_read_offsets!
-- Raise the next offsets to read of these partitions.
insert into read_offsets as m (topic, partition, next_offset)
select :topic, u.partition, u.next_offset
  from unnest(:partitions::integer[], :next_offsets::bigint[]) u (partition, next_offset)
 order by u.partition
on conflict (topic, partition) do update set next_offset = greatest(m.next_offset, excluded.next_offset);

-- name: delete_read_offsets!
-- Delete the offsets of a topic that was recreated.
delete from read_offsets where topic = :topic;
