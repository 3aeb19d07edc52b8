"""Fields whose form in the store is not Django's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from interactions.database import packing
from interactions.database.vendor import is_sqlite

if TYPE_CHECKING:
    _UUIDField = models.UUIDField[Any, Any]
    _BinaryField = models.BinaryField[Any, Any]
    _TextField = models.TextField[str, str]
else:
    # Subscriptable for the type checker only.
    _UUIDField, _BinaryField, _TextField = models.UUIDField, models.BinaryField, models.TextField


class CompactUUIDField(_UUIDField):
    """A UUID in 16 bytes on both databases; Django's own takes 32 characters on SQLite, in the row and every index."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "blob" if is_sqlite(connection) else "uuid"

    def rel_db_type(self, connection: BaseDatabaseWrapper) -> str:
        return self.db_type(connection)

    def get_internal_type(self) -> str:
        return "CompactUUIDField"  # keeps Django's converters for its own text form away

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        value = self.to_python(value)
        return value.bytes if value is not None and is_sqlite(connection) else value

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> UUID | None:
        return UUID(bytes=bytes(value)) if isinstance(value, bytes | memoryview) else value


class DigestField(_BinaryField):
    """A SHA-256, 32 bytes in the store and 64 hexadecimal digits in Python."""

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        return super().get_db_prep_value(
            bytes.fromhex(value) if isinstance(value, str) else value, connection, prepared
        )

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> str | None:
        return None if value is None else bytes(value).hex()

    def to_python(self, value: Any) -> Any:
        return value


class LongTextField(_TextField):
    """A text that is only ever read whole or from its beginning: on SQLite it may be compressed, see `packing`."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "text"

    def get_internal_type(self) -> str:
        return "LongTextField"

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        return packing.pack(value) if isinstance(value, str) and is_sqlite(connection) else value

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> str | None:
        return None if value is None else packing.unpack(value)
