"""Indexes what was recorded long ago: whole blocks, made by several processes at once."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from itertools import chain, islice
from multiprocessing import get_context

import django
from django.db import connection

from interactions.models import Revision
from interactions.texts import segments
from interactions.texts.indexing import CHUNK, Indexer
from interactions.texts.pages import BLOCK
from interactions.texts.segments import Made, Overtaken

_PROCESSES = os.cpu_count() or 1


def catch_up(project_id: int) -> Iterator[tuple[int, int]]:
    """Index all of a project. Yields how far it goes, and how far it is to go, again and again."""
    indexer = Indexer()
    latest = Revision.objects.filter(project=project_id).values_list("latest", flat=True).first() or 0
    yield segments.indexed_upto(project_id), latest
    while not indexer.claim(project_id):  # a server is at it
        time.sleep(1)
        yield segments.indexed_upto(project_id), latest
    while blocks := _whole_blocks(segments.indexed_upto(project_id), latest):
        for upto in chain(_beginning(project_id, indexer, blocks[0] * BLOCK - 1), _made_together(project_id, blocks)):
            indexer.claim(project_id)
            yield upto, latest
    for upto in indexer.catch_up(project_id, CHUNK):
        yield upto, max(upto, latest)


def _whole_blocks(upto: int, latest: int) -> range:
    return range(-(-(upto + 1) // BLOCK), (latest + 1) // BLOCK)


def _beginning(project_id: int, indexer: Indexer, last: int) -> Iterator[int]:
    """Up to `last`, the end of the block that is begun already."""
    if segments.indexed_upto(project_id) < last:
        for upto in indexer.catch_up(project_id, CHUNK):
            yield upto
            if upto >= last:
                return


def _made_together(project_id: int, blocks: range) -> Iterator[int]:
    """As far as nothing comes in between."""
    epoch, remaining = segments.epoch(project_id), iter(blocks)
    connection.close()  # the processes have their own
    with ProcessPoolExecutor(_PROCESSES, get_context("spawn"), django.setup) as processes:
        ahead: deque[Future[Made]] = deque()
        for block in islice(remaining, _PROCESSES + 1):
            ahead.append(processes.submit(_made, project_id, block))
        while ahead:
            made = ahead.popleft().result()
            ahead.extend(processes.submit(_made, project_id, block) for block in islice(remaining, 1))
            try:
                segments.add(project_id, made, epoch)
            except Overtaken:
                processes.shutdown(cancel_futures=True)
                return
            yield made.last


def _made(project_id: int, block: int) -> Made:
    made = segments.from_texts(project_id, block * BLOCK, block * BLOCK + BLOCK - 1, lambda: None)
    return replace(made, content=list(made.content))
