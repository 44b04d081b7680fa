"""本单位数据 over HTTP."""
