"""Systems that run outside Duet: a command on this machine, and a model behind an HTTP address.

What may be run and who may be asked is the server's own configuration; a study only picks from it.
"""
