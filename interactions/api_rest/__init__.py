"""The REST API: what `adaptive-sdk` posts, and reading. Described at `/api/docs`."""
