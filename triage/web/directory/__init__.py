"""单位通讯录 (directory): the list of units, one unit's page, its file, on a ticket's page, JSON."""
