"""Planted patterns, each as it is publicly described."""
