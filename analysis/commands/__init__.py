"""What ``python -m analysis`` can do, one file a command: ``add`` says what it takes, ``run`` does it."""
