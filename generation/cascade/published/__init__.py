"""Weights that others have published: how their files are read, and under what names their tensors lie."""
