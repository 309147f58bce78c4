"""CMT, the Controllable Music Transformer (Di et al. 2021, arXiv:2111.08380): video to notes to sound."""
