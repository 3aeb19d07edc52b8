"""Bytes by table and index of an SQLite file that nobody has open: python -m benchmarks.dbstat FILE

Prints {name: [its table, bytes]} as JSON. With Python's own SQLite, in a process of its own: the one that the server
brings along has no `dbstat`. Ends with 1 if this one has none either.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

# Summed up by name, `pageno` is the number of pages. (`pgsize` would be their size, but overflows at 2 GiB.)
_QUERY = """
SELECT one.name, coalesce(known.tbl_name, one.name), one.pageno * (SELECT page_size FROM pragma_page_size)
FROM dbstat('main', 1) one LEFT JOIN sqlite_master known USING (name)
"""


def main(file: Path) -> int:
    # Immutable: this SQLite may be too old to share a file with others.
    connection = sqlite3.connect(f"{file.resolve().as_uri()}?immutable=1", uri=True)
    try:
        rows = connection.execute(_QUERY).fetchall()
    except sqlite3.OperationalError as error:
        print(error, file=sys.stderr)
        return 1
    json.dump({name: [table, size] for name, table, size in rows}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
