"""本单位数据: a unit's own figures, page, files and JSON."""
