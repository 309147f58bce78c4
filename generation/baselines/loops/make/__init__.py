"""How the shipped library of loops was made: plain synthesis by this code, so that the sound itself can be CC0."""
