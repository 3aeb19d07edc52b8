"""Measures the server from outside, on SQLite and PostgreSQL: `make bench`. See docs/performance.md.

corpus       what is logged: request bodies, the same on every machine
filler       many of them, straight into a store
store        the parts that run inside Django, each in a process of its own (python -m benchmarks.store)
server       the server under test, started and stopped as a user does
client       a small HTTP client, so that the load takes little from the cores it shares with the server
load, pages  what is measured over HTTP
report       the table
"""
