"""Reading ahead: the next items are made in a thread while the caller works on this one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread

_END = object()
_PATIENCE_S = 0.1  # how soon a thread that waits for room sees that nobody reads any more


def ahead(items: Iterable, depth: int) -> Iterator:
    """The same items, up to ``depth`` of them made before they are asked for.

    An exception of the source is raised here, after the items that came before it. When the caller stops early (closes the
    generator or lets it go), the thread ends and the source is closed before this returns.
    """
    ready: Queue = Queue(maxsize=depth)
    stopped = Event()

    def put(item) -> bool:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=_PATIENCE_S)
                return True
            except Full:
                continue
        return False

    def work() -> None:
        source = iter(items)
        try:
            for item in source:
                if not put((item, None)):
                    return
            put((_END, None))
        except BaseException as error:  # belongs to the reader, whatever it is
            put((_END, error))
        finally:
            if hasattr(source, "close"):
                source.close()

    thread = Thread(target=work, name="picking-ahead", daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        stopped.set()
        while thread.is_alive():
            try:
                ready.get_nowait()
            except Empty:
                thread.join(_PATIENCE_S)
