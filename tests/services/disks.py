"""Small disks, which tests fill."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def mounted_disk(size: str) -> Iterator[Path]:
    """Mount an empty disk of a size in memory, such as ``200m``.

    Raises:
        PermissionError: This user or system mounts none.
    """
    disk = Path(tempfile.mkdtemp(prefix="allowance-disk-"))
    disk.chmod(0o755)
    try:
        command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "none", str(disk)]
        mounted = subprocess.run(command, check=False, capture_output=True, text=True)
        if mounted.returncode:
            raise PermissionError(mounted.stderr.partition(": ")[2].strip() or "mount failed")
        try:
            yield disk
        finally:
            subprocess.run(["umount", "--lazy", str(disk)], check=True)
    finally:
        disk.rmdir()
