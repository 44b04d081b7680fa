"""本单位数据 (own figures): what a unit is judged by, what pulls it down, who of it has how much."""
