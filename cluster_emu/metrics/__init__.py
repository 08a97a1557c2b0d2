"""What a run is measured by: energy, power, service, summary."""
