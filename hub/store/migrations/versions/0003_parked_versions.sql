-- Which version of a mandate a parked report waits for, as it was read: its bytes need not be read again to know.

alter table parked add column mandate_version integer;
