"""Texts in strftime notation: which formats can be relied on, and which moment a text of one stands for."""
