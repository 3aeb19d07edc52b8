"""A store and browser for LLM interactions.

Arrows point down only; an import contract in pyproject.toml holds this.

    doors      api_rest · web · management.commands
    edge       bridge         (the only place where async code meets the synchronous code below)
    spelling   filtersets     (query string -> conditions)
    acts       ingest · removal · exports · ab_tests · demo
    domain     access · images · transcripts · texts · documents · conditions · pagination · statistics
    storage    models · querysets · database
    shapes     errors · ids · payloads · memory
"""
