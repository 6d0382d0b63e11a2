"""How good the lists are: figures from synthetic records, beside peers; `make quality`."""
