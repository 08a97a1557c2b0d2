"""What does live migration do to my cluster? A page-level, agent-based emulator of VM migration."""
