"""People to warn: whom listed lines talked to, and how soon to tell them."""
