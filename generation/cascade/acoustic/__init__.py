"""Acoustic tokens: a residual-quantised codec with SoundStream's clocks."""
