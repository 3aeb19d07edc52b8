"""The parts of a measurement that need the store itself, each run in a process of its own.

python -m benchmarks.store open                   # migrate; make a project, an account and a key
python -m benchmarks.store fill ROWS [--short]
python -m benchmarks.store index                  # the texts: what the server does behind the writes
python -m benchmarks.store settle                 # as after a quiet hour: checkpointed, vacuumed
python -m benchmarks.store sizes
python -m benchmarks.store commits                # group commit against a transaction per request
python -m benchmarks.store forget-index           # what the store keeps of the index of filters and counts
python -m benchmarks.store take-index             # bring that index into memory, and save it
python -m benchmarks.store wait-for-words         # until a server has indexed the texts
python -m benchmarks.store picture SHA256         # its rows and files

The store is the one that DATABASE_URL and DATA_DIR name. The result is one line of JSON on stdout.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any

import django


def main() -> None:
    arguments = _arguments()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adaptive_site.settings")
    django.setup()
    json.dump(_result(arguments), sys.stdout)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.store", description="Work on the store itself.")
    works = parser.add_subparsers(dest="work", required=True)
    fill = works.add_parser("fill")
    fill.add_argument("rows", type=int)
    fill.add_argument("--short", action="store_true", help="texts of about 300 bytes in place of 2.5 kB")
    works.add_parser("picture").add_argument("digest")
    for name in ("open", "index", "settle", "sizes", "commits", "forget-index", "take-index", "wait-for-words"):
        works.add_parser(name)
    return parser.parse_args()


def _result(arguments: argparse.Namespace) -> dict[str, Any]:
    # Models can be imported only now.
    from benchmarks import commits, corpus, filler, indexes, sizes

    match arguments.work:
        case "open":
            return filler.open_store()
        case "fill":
            return filler.fill(arguments.rows, corpus.SHORT if arguments.short else corpus.FULL)
        case "index":
            return filler.index_texts()
        case "settle":
            return sizes.settle()
        case "sizes":
            return sizes.sizes()
        case "forget-index":
            return indexes.forget()
        case "take-index":
            return indexes.take()
        case "wait-for-words":
            return indexes.wait_for_words()
        case "picture":
            return sizes.picture(arguments.digest)
        case _:
            return commits.compare()


if __name__ == "__main__":
    main()
