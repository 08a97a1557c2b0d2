"""Reports of studies as data: what `--json` prints, with one field per key."""
