"""Two steps of a pipeline at once: an iterator runs ahead in a thread, by a bounded number of items.

FFmpeg's libraries give up Python's lock while they work, so that one thread decodes while the other encodes.
"""

import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from queue import Queue, ShutDown


@contextmanager
def run_ahead[Item](items: Generator[Item], limit: int) -> Iterator[Iterator[Item]]:
    """Let a generator run in a thread of its own while the block runs; its items come out in their order.

    The generator's error is raised to the one who asks for the next item. At the end of the block, however it is
    reached, the generator is closed and the thread has ended.

    Args:
        limit: How many items may lie ready. One more waits to be put there, and one is with the block.
    """
    ready: Queue[Item] = Queue(limit)
    failure: list[BaseException] = []

    def work() -> None:
        try:
            for item in items:
                ready.put(item)
        except ShutDown:
            items.close()
        except BaseException as error:  # whatever it is, the other thread has to hear of it
            failure.append(error)
        finally:
            ready.shutdown()

    thread = threading.Thread(target=work, name="ahead")
    thread.start()
    try:
        yield _taken(ready, failure)
    finally:
        ready.shutdown(immediate=True)
        thread.join()


def _taken[Item](ready: Queue[Item], failure: list[BaseException]) -> Iterator[Item]:
    while True:
        try:
            item = ready.get()
        except ShutDown:
            break
        yield item
    if failure:
        raise failure[0]
