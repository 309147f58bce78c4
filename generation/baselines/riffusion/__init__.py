"""Riffusion: music painted by a text-to-image diffusion model as a picture of its spectrogram, then played."""
