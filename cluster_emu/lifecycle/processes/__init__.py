"""When VMs arrive: one file per process."""
