"""Which migration starts when: slots, waiting lists, orders, round-robin."""
