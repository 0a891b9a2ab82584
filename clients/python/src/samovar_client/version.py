"""The version of this package; it goes with that of the server."""

__version__ = "0.1.0"
