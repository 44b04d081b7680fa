"""A provider of virtual numbers to try against: `python -m connectors.callback.reference`."""
