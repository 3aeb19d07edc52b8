"""The gateway: an application's OpenAI client points here, and each call becomes an interaction.

`sse`, `assembly`, `adapting` and `model_names` are what is pure of it: bytes and JSON values in, the same out.
"""
