"""The test suite, and the tools it runs with."""
