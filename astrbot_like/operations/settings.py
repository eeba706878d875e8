"""What an operator can set about accounts."""

from __future__ import annotations

from typing import Annotated

import msgspec


class AccountSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sign-in and lock-out."""

    password_length: Annotated[int, msgspec.Meta(ge=1, description="Shortest password that people may choose.")] = 8
    account_failures: Annotated[
        int, msgspec.Meta(ge=1, description="Failed sign-ins of an account before it is locked for a while.")
    ] = 10
    address_failures: Annotated[
        int, msgspec.Meta(ge=1, description="Failed sign-ins from an address before it is locked for a while.")
    ] = 30
    first_lock: Annotated[
        float, msgspec.Meta(gt=0, description="Seconds of the first lock; each further failure doubles it.")
    ] = 30.0
    longest_lock: Annotated[float, msgspec.Meta(gt=0, description="Seconds of the longest lock.")] = 900.0
