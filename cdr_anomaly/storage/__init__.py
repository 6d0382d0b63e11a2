"""Local paths and object stores, atomic writes, Delta tables, CSV."""
