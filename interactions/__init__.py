"""A store and browser for LLM interactions.

Arrows point down only; an import contract in pyproject.toml holds this.

    doors      api_rest · gateway · web · management.commands
    edge       bridge         (the only place where async code meets the synchronous code below)
    spelling   filtersets     (query string -> conditions)
    acts       ingest · removal · exports · downloads · datasets · ab_tests · demo · people · projects · external_models
    domain     access · naming · images · transcripts · texts · documents · conditions · pagination · statistics
    storage    models · querysets · database
    shapes     errors · ids · payloads · amounts · memory
"""
