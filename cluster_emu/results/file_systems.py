"""Which kind of file system a folder is on."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")

NETWORK = frozenset(
    (
        *("9p", "afs", "beegfs", "ceph", "cifs", "coda", "fhgfs", "gfs2", "glusterfs", "gpfs"),
        *("lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "smb2", "smb3", "smbfs"),
        *("virtiofs", "vboxsf", "vmhgfs"),
        *("fuse.glusterfs", "fuse.sshfs", "fuse.s3fs", "fuse.rclone", "fuse.ceph", "fuse.davfs"),
    )
)
"""File systems that several computers may have mounted: a lock may hold on one of them only, and
memory that is shared through a file is not shared."""


def file_system(folder: Path) -> str:
    """Return the type of the file system that a folder is on, such as "ext4"; "" if unknown."""
    place = folder.resolve()
    best, found = -1, ""
    with suppress(OSError):
        for line in MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
            before, _, after = line.partition(" - ")
            mount = Path(_unescaped(before.split(" ")[4]))
            depth = len(mount.parts)
            # a later mount hides an earlier one at the same place
            if depth >= best and place.is_relative_to(mount):
                best, found = depth, after.split(" ")[0]
    return found


def is_on_network(folder: Path) -> bool:
    """Return whether other computers may write to the file system that a folder is on."""
    return file_system(folder) in NETWORK


def _unescaped(text: str) -> str:
    r"""Return a path of the kernel's list, in which a blank is ``\040``."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
