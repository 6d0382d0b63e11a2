"""Results for people and programs: files, terminal, pages, a line's story, metrics."""
