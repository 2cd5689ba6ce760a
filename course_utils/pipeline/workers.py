"""Work on many small tasks in processes of their own, where the death of one costs one task and nothing else.

The standard pool is not used since a worker that the system kills (out of memory, a crash in compiled code) breaks it
for good and does not say which task it was at. Here each worker has one task at a time and its own line to the parent, so
that what is under way is bounded by the number of workers.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import connection, get_context, reduction
from typing import Any

import numpy as np

_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
_LARGE = 1 << 12  # bytes; arrays from here on go through shared memory


class Lost(RuntimeError):
    """A worker died at a task; the message says how."""


def share_out(
    batches: Iterable[list],
    workers: int,
    work: Callable[[Any, Any], Any],
    prepare: Callable[..., Any],
    arguments: tuple = (),
) -> Iterator[tuple[Any, Any]]:
    """(task, outcome) of every task, in the order in which they end; an outcome is what ``work`` gave or a :class:`Lost`.

    Args:
        batches: lists of tasks; those of one list go to one worker in turn, which may keep what they share.
        work: called in a worker with what ``prepare`` gave there and a task. It should not raise: an error of ``work``
            itself passes to the caller. Large arrays in what it returns (tuples, lists, dicts) are not copied on the way.
        prepare: called once in each worker with ``arguments``; an error of it passes to the caller.

    Workers have one thread each and ignore Ctrl-C, which is the parent's to handle: closing this iterator ends them.
    """
    source, crew = iter(batches), []
    left: deque = deque()  # of a worker that died: the rest of its batch

    def next_batch() -> deque | None:
        if left:
            return left.popleft()
        return next((deque(batch) for batch in source if batch), None)

    try:
        for _ in range(workers):
            batch = next_batch()
            if batch is None:
                break
            crew.append(_Worker(work, prepare, arguments, batch))
        while crew:
            for ready in connection.wait([worker.line for worker in crew]):
                worker = next(w for w in crew if w.line is ready)
                task, outcome, alive = worker.answer()
                if not alive:
                    crew.remove(worker)
                    if worker.batch:
                        left.append(worker.batch)
                    if not worker.started and not crew:
                        raise outcome
                    if worker.started and (batch := next_batch()) is not None:
                        crew.append(_Worker(work, prepare, arguments, batch))
                elif not worker.batch and (batch := next_batch()) is not None:
                    worker.batch = batch
                if alive and not worker.give():
                    crew.remove(worker)
                    worker.end()
                if task is not None:
                    yield task, outcome
    finally:
        for worker in crew:
            worker.end()


class _Worker:
    """The parent's side of one process."""

    def __init__(self, work: Callable, prepare: Callable, arguments: tuple, batch: deque):
        context = get_context("spawn")
        self.line, theirs = context.Pipe()
        self.batch, self.task, self.started = batch, None, False
        self.process = context.Process(target=_serve, args=(theirs, work, prepare, arguments), daemon=True)
        with _one_thread():
            self.process.start()
        theirs.close()

    def answer(self) -> tuple[Any, Any, bool]:
        """The task that ended and its outcome, and whether the worker lives; (None, ...) when it has only started."""
        task, self.task = self.task, None
        try:
            kind, content = self.line.recv()
            if kind == "done":
                return task, _unpacked(content, self.line), True
        except (EOFError, ConnectionError, OSError):
            self.process.join(5)
            code = self.process.exitcode
            how = (
                f"signal {-code} ({signal.Signals(-code).name})"
                if code is not None and code < 0
                else f"exit code {code}"
            )
            remedy = "; killed from outside: out of memory? fewer workers need less" if code == -signal.SIGKILL else ""
            return task, Lost(f"its process died with {how}{remedy}"), False
        if kind == "error":
            self.end()
            raise content
        self.started = True
        return None, None, True

    def give(self) -> bool:
        """Send the next task of the batch; False when there is none."""
        if not self.batch:
            return False
        self.task = self.batch.popleft()
        with suppress(BrokenPipeError, ConnectionError):  # it died just now: the line says so at the next look
            self.line.send(self.task)
        return True

    def end(self) -> None:
        self.process.kill()
        self.process.join(10)
        self.line.close()


def _serve(line, work: Callable, prepare: Callable, arguments: tuple) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        prepared = prepare(*arguments)
        line.send(("ready", None))
        while True:
            _send(work(prepared, line.recv()), line)
    except (EOFError, BrokenPipeError, ConnectionError):
        return  # the parent is gone
    except Exception as error:
        line.send(("error", error))


class _Shared:
    """Stands for an array whose samples lie in shared memory, at an offset."""

    def __init__(self, offset: int, shape: tuple[int, ...], kind: str):
        self.offset, self.shape, self.kind = offset, shape, kind


def _send(content: Any, line) -> None:
    """Send an outcome to the parent. Its large arrays go into memory that has no name, so that no kill can leave it behind;
    the parent gets the descriptor, or copies where the system has no such memory."""
    arrays: list[np.ndarray] = []
    size = 0

    def replace(value: Any) -> Any:
        if type(value) is np.ndarray and value.nbytes >= _LARGE:  # not a masked one
            nonlocal size
            arrays.append(value)
            size += _room(value)
            return _Shared(size - _room(value), value.shape, value.dtype.str)
        return _walk(value, replace)

    shell = replace(content)
    if not arrays or not hasattr(os, "memfd_create"):
        line.send(("done", (None, content)))
        return
    import mmap

    handle = os.memfd_create("records")
    try:
        os.posix_fallocate(handle, 0, size)
        with mmap.mmap(handle, size) as memory:
            offset = 0
            for array in arrays:
                target = np.frombuffer(memory, array.dtype, array.size, offset).reshape(array.shape)
                target[...] = array
                del target
                offset += _room(array)
        line.send(("done", (size, shell)))
        reduction.send_handle(line, handle, None)
    finally:
        os.close(handle)


def _room(array: np.ndarray) -> int:
    """Bytes of an array, rounded up so that the next one is aligned."""
    return -(-array.nbytes // 64) * 64


def _unpacked(content: tuple[int | None, Any], line) -> Any:
    size, shell = content
    if size is None:
        return shell
    import mmap

    handle = reduction.recv_handle(line)
    try:
        memory = mmap.mmap(handle, size)  # lives as long as an array that points into it
    finally:
        os.close(handle)

    def restore(value: Any) -> Any:
        if isinstance(value, _Shared):
            kind = np.dtype(value.kind)
            count = int(np.prod(value.shape))
            return np.frombuffer(memory, kind, count, value.offset).reshape(value.shape)
        return _walk(value, restore)

    return restore(shell)


def _walk(value: Any, change: Callable[[Any], Any]) -> Any:
    """A container with its items changed; anything else as it is."""
    if isinstance(value, tuple):
        items = [change(v) for v in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, list):
        return [change(v) for v in value]
    if isinstance(value, dict):
        return {k: change(v) for k, v in value.items()}
    return value


@contextmanager
def _one_thread() -> Iterator[None]:
    """Libraries of compiled code read these when they are loaded, which is before anything of ours runs."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
