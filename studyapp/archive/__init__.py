"""A whole study as one file that another Duet reads back: what is in it, how it is written, checked and read."""
