"""What an operator can set about stored data."""

from __future__ import annotations

from typing import Annotated

import msgspec

MIB = 1024 * 1024


class StorageSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits and sizes of the store."""

    upload_limit: Annotated[int, msgspec.Meta(ge=1, description="Largest upload in bytes.")] = 100 * MIB
    unused_upload_days: Annotated[
        int,
        msgspec.Meta(ge=0, description="Days after which an upload that no message names is deleted; 0 keeps it."),
    ] = 30
    write_queue: Annotated[
        int, msgspec.Meta(ge=1, description="Messages waiting to be stored before a sender has to wait.")
    ] = 1024
    write_timeout: Annotated[
        float, msgspec.Meta(gt=0, description="Seconds a message may wait to be stored before it is given up.")
    ] = 30.0
    session_cache: Annotated[int, msgspec.Meta(ge=1, description="Sessions and conversations kept in memory.")] = 4096
    context_cache: Annotated[int, msgspec.Meta(ge=0, description="Bytes of conversation context kept in memory.")] = (
        64 * MIB
    )
    turn_record_days: Annotated[
        int, msgspec.Meta(ge=0, description="Days for which figures of single turns are kept; 0 keeps them.")
    ] = 90
