"""Arrow's reader of ORC, in a process of its own: what it is given is a stranger's.

Run as a script by `_orc.py`; nothing of Strongroom is imported here. The file comes as an open
descriptor; to standard output go, again and again, a line with a number and a stream of Arrow IPC
of as many bytes; then 0, or -1 if the file can't be read, or -2 if memory doesn't suffice.
"""

from __future__ import annotations

import io
import resource
import sys

import pyarrow as pa
from pyarrow import dataset

_MOST_MEMORY, _MOST_SECONDS = 1 << 31, 3600
_ROWS, _MOST_BYTES = 1 << 10, 1 << 27


def main(descriptor: int) -> None:
    """Send all rows."""
    for what, most in (
        (resource.RLIMIT_AS, _MOST_MEMORY),
        (resource.RLIMIT_CPU, _MOST_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    pa.set_cpu_count(1)
    file = open(descriptor, "rb")  # noqa: SIM115 - as long as the process
    file.seek(0)
    try:
        fragment = dataset.OrcFileFormat().make_fragment(pa.PythonFile(file))
        held: list[pa.RecordBatch] = []
        for batch in fragment.to_batches(batch_size=_ROWS, use_threads=False):
            held.append(batch)
            if sum(one.nbytes for one in held) >= _MOST_BYTES >> 4:
                _send(held)
                held = []
        if held:
            _send(held)
    except MemoryError:
        _say(-2)
        return
    except (pa.ArrowException, OSError, ValueError):
        _say(-1)
        return
    _say(0)


def _send(batches: list[pa.RecordBatch]) -> None:
    """Send batches; one that is too long in halves."""
    if batches[0].nbytes > _MOST_BYTES and batches[0].num_rows > 1:
        for batch in batches:
            half = batch.num_rows // 2
            _send([batch.slice(0, half)])
            _send([batch.slice(half)])
        return
    out = io.BytesIO()
    with pa.ipc.new_stream(out, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    _say(out.tell(), out.getbuffer())


def _say(size: int, content: bytes | memoryview = b"") -> None:
    sys.stdout.buffer.write(b"%d\n" % size)
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
