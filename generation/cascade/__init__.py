"""V2Meow: visual features to semantic tokens to coarse and fine acoustic tokens to sound."""
