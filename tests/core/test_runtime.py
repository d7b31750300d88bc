"""What a process keeps of the runtimes that it has opened and closed."""

import gc
import threading
from pathlib import Path
from typing import Any

from core.runtime import open_runtime
from core.settings import Settings


def test_a_closed_runtime_leaves_no_thread_and_nothing_that_is_never_collected(new_sqlite: Any, tmp_path: Path) -> None:
    kept = []
    for number in range(5):
        with open_runtime(Settings(database_url=new_sqlite(tmp_path / f"{number}.db"))):
            pass
        gc.collect()
        kept.append((gc.get_freeze_count(), threading.active_count(), len(gc.get_objects())))
    settled = kept[2]
    for frozen, threads, objects in kept[3:]:
        assert (frozen, threads) == settled[:2]
        assert objects < settled[2] + 300  # of which each runtime has some thousands
