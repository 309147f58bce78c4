"""From rows to tables: ratings, pseudonyms, and how far a build is."""
