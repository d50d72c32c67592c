-- How far topics reach, as the database knows it; a restored database knows it as it was.

-- name: read_marks_of
-- A topic as it was last seen.
select partition, topic_id, begins, ends from marks where topic = :topic order by partition;

-- name: write_marks!
-- A topic as it is seen now; partitions that an earlier topic of this name had more are forgotten.
with gone as (
  delete from marks m where m.topic = :topic and m.partition <> all(:partitions::integer[])
)
insert into marks as m (topic, partition, topic_id, begins, ends, seen_at)
select :topic, u.partition, :topic_id, u.begins, u.ends, :at
  from unnest(:partitions::integer[], :begins::bigint[], :ends::bigint[]) u (partition, begins, ends)
 order by u.partition
on conflict (topic, partition) do update
   set topic_id = excluded.topic_id, begins = excluded.begins, ends = excluded.ends, seen_at = excluded.seen_at;

-- name: lock_read_marks
-- How far these partitions were read, held still.
select partition, next_offset from read_marks
 where topic = :topic and partition = any(:partitions::integer[]) order by partition for update;

-- name: raise_read_marks!
-- These partitions were read on.
insert into read_marks as m (topic, partition, next_offset)
select :topic, u.partition, u.next_offset
  from unnest(:partitions::integer[], :next_offsets::bigint[]) u (partition, next_offset)
 order by u.partition
on conflict (topic, partition) do update set next_offset = greatest(m.next_offset, excluded.next_offset);

-- name: forget_read_marks!
-- The topic was made anew: it is read from its beginning.
delete from read_marks where topic = :topic;
