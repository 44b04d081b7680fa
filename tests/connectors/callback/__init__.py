"""回拨: the adapter against the reference provider, over a socket."""
