"""Everything that differs between SQLite and PostgreSQL, and nothing else."""

from interactions.database.fields import CompactUUIDField, DigestField, LongTextField
from interactions.database.files import UNFINISHED, DurableFiles, NewFile, original_name
from interactions.database.limits import keep_to_time, time_limit
from interactions.database.log import keep_log_short, leave_log_alone
from interactions.database.packing import Packed, beginning, cut, packed, unpack
from interactions.database.reach import is_away, note_away, note_there
from interactions.database.reading import raw_rows, snapshot
from interactions.database.schema import compress_quickly, drop_references
from interactions.database.vendor import Refused, Unreachable
from interactions.database.writing import advance, count_up, insert_rows, update_rows, wait_at_most, writers_wait

__all__ = [
    "UNFINISHED",
    "CompactUUIDField",
    "DigestField",
    "DurableFiles",
    "LongTextField",
    "NewFile",
    "Packed",
    "Refused",
    "Unreachable",
    "advance",
    "beginning",
    "compress_quickly",
    "count_up",
    "cut",
    "drop_references",
    "insert_rows",
    "is_away",
    "keep_log_short",
    "keep_to_time",
    "leave_log_alone",
    "note_away",
    "note_there",
    "original_name",
    "packed",
    "raw_rows",
    "snapshot",
    "time_limit",
    "unpack",
    "update_rows",
    "wait_at_most",
    "writers_wait",
]
