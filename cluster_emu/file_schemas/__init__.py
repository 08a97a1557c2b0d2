"""JSON schemas of scenario and study files, for editors that complete and check them."""
