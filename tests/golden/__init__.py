"""Golden tables: small runs whose result tables must stay the same to the last bit."""
