"""English, of researchers' pages."""
