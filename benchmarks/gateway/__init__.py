"""What the gateway adds to a call of a model, beside a bare reverse proxy and LiteLLM's proxy.

upstream   the fake model's server, which answers at once, and proxies nothing
proxy      the least that a reverse proxy can do
targets    what is measured: the upstream itself, the proxy, LiteLLM, this server on either database
calls      calls on a clock, open streams, and calls without end
"""
