"""The cluster's state: columns of hosts and VMs, CPU sharing, who runs where."""
