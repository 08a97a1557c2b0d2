"""The live page: a model, or a finished run, in a browser."""
