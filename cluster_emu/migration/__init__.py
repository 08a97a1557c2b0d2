"""How a migration runs: rounds, stop rules, admission, records."""
