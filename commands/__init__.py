"""The `billgraph` command's groups, one file for each task; cli.py puts them together."""
