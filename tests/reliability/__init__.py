"""Commands under fire: killed, interrupted, without disk, and two at once on one folder.

``python -m tests.reliability --help`` runs the campaigns and writes docs/reliability.md.
"""
