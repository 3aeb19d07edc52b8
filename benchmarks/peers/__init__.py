"""Measures Arize Phoenix and MLflow beside this server, with the same data and questions: `make bench-peers`.

requirements/ exact versions; `environments` installs each peer into an environment of its own
records       the interactions of `benchmarks.corpus`, with the ids that the peers need
questions     what is asked, and what the right answer holds
peer          what a peer has to tell about itself; `ours`, `phoenix` and `mlflow` are the three that do
otlp          spans as bytes, the way both peers take many at once
database      SQLite or PostgreSQL below a peer: size, rest
line          a kept connection to a server
logs, reads   what is measured over HTTP
run, table    all measures of one peer; the table

Nothing here imports a peer: requests are made by hand, so that the load costs the same for all three.
"""
