"""A small invented city and its calls; `sample_data/make.py` puts the pieces in a row."""
