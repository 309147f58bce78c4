"""From the design of a study to its conclusions, tables in, frozen results out. No Django, torch or database."""
