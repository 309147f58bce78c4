"""Every ffmpeg call of the project: probing, masters, decoding, loudness and paired rendering."""
