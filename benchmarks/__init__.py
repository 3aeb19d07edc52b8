"""Measures the server from outside, on SQLite and PostgreSQL: `make bench`. See docs/performance.md.

corpus       what is logged: request bodies, the same on every machine
filler       many of them, straight into a store
store        the parts that run inside Django, each in a process of its own (python -m benchmarks.store)
processes    servers started and stopped, with everything they start
server       the server under test, as a user starts it, and what it takes from the machine
client       a small HTTP client, so that the load takes little from the cores it shares with the server
load, pages  what is measured over HTTP
report       the table
"""
