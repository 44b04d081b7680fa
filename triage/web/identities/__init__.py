"""Pages of identities: the box on a ticket's page, and the one page on which a field is shown."""
