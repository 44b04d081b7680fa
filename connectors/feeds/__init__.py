"""Media feeds in: RSS, Atom, JSON Feed and JSON lists, fetched politely and from public addresses only."""
