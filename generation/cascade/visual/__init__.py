"""What the cascade sees of a video: CLIP, I3D-flow and ViT-VQGAN, each read once a second."""
