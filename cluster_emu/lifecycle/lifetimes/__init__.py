"""How long VMs stay: one file per distribution."""
