"""One thread for torch: on a shared machine two wait for each other."""

import torch

torch.set_num_threads(1)
