"""Objects that stand for a table of the current host, for what AstrBot has as module globals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from astrbot_like.api.current import caller_module, current_host

if TYPE_CHECKING:
    from astrbot_like.api.services import PluginHost

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


class HostMapping(MutableMapping[KeyT, ValueT]):
    """A dictionary of the current host.

    Args:
        get: The host's dictionary, or one made from its tables.
        remove: How an entry is taken out, when ``get`` makes a new dictionary each time.
    """

    def __init__(
        self,
        get: Callable[[PluginHost], Mapping[KeyT, ValueT]],
        remove: Callable[[PluginHost, KeyT], object] | None = None,
    ) -> None:
        self._get = get
        self._remove = remove

    def _table(self) -> Mapping[KeyT, ValueT]:
        return self._get(current_host(caller_module(3)))

    def _writable(self) -> MutableMapping[KeyT, ValueT]:
        table = self._get(current_host(caller_module(3)))
        if self._remove is not None or not isinstance(table, MutableMapping):
            raise TypeError("this table of the host is read-only; use the decorator that fills it")
        return table

    def __getitem__(self, key: KeyT) -> ValueT:
        return self._table()[key]

    def __setitem__(self, key: KeyT, value: ValueT) -> None:
        self._writable()[key] = value

    def __delitem__(self, key: KeyT) -> None:
        if self._remove is not None:
            self._remove(current_host(caller_module(2)), key)
        else:
            del self._writable()[key]

    def __iter__(self) -> Iterator[KeyT]:
        return iter(list(self._table()))

    def __len__(self) -> int:
        return len(self._table())

    def __repr__(self) -> str:
        return repr(dict(self._table()))


class HostList(Sequence[ValueT]):
    """A list of the current host, with ``append`` and ``remove`` where the host allows them."""

    def __init__(
        self,
        get: Callable[[PluginHost], Sequence[ValueT]],
        remove: Callable[[PluginHost, ValueT], object] | None = None,
        append: Callable[[PluginHost, ValueT], object] | None = None,
    ) -> None:
        self._get = get
        self._on_remove = remove
        self._on_append = append

    def _items(self) -> Sequence[ValueT]:
        return self._get(current_host(caller_module(3)))

    @overload
    def __getitem__(self, index: int) -> ValueT: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ValueT]: ...
    def __getitem__(self, index: int | slice) -> ValueT | Sequence[ValueT]:
        return self._items()[index]

    def __len__(self) -> int:
        return len(self._items())

    def __iter__(self) -> Iterator[ValueT]:
        return iter(list(self._items()))

    def remove(self, value: ValueT) -> None:
        """Take an entry out."""
        if self._on_remove is None:
            raise TypeError("this table of the host is read-only")
        self._on_remove(current_host(caller_module(2)), value)

    def append(self, value: ValueT) -> None:
        """Add an entry."""
        if self._on_append is None:
            raise TypeError("this table of the host is read-only")
        self._on_append(current_host(caller_module(2)), value)


class HostObject(Generic[ValueT]):
    """Stands for one object of the current host: attributes, items, iteration, length and truth are its."""

    def __init__(self, get: Callable[[PluginHost], ValueT]) -> None:
        object.__setattr__(self, "_get", get)

    def _target(self) -> Any:
        return self._get(current_host(caller_module(3)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._target(), name, value)

    def __getitem__(self, key: Any) -> Any:
        return self._target()[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._target()[key] = value

    def __delitem__(self, key: Any) -> None:
        del self._target()[key]

    def __contains__(self, key: object) -> bool:
        return key in self._target()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._target())

    def __len__(self) -> int:
        return len(self._target())

    def __bool__(self) -> bool:
        return bool(self._target())

    def __repr__(self) -> str:
        return repr(self._target())
